"""What a program keeps of its own, as JSON and arrays, and back

No value runs code when it is read: there are numbers, texts, lists, tuples,
dictionaries, arrays, NumPy's random states, and what tells its state by
``get_state()``.
"""

from collections import OrderedDict

import numpy as np

from .errors import FileError
from .store.manifest import DTYPES

__all__ = ["Decoder", "Encoder", "check_target", "restore"]

_GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")


class Encoder:
    """
    lasagne_sparse.tables.values.Encoder()

    Turns values into what JSON takes

    Attributes
    ----------
    arrays : dict from str to numpy.ndarray
        The arrays that were met, by name.
    """

    def __init__(self):
        self.arrays = OrderedDict()

    def encode(self, value, path):
        """Returns what JSON takes in the place of a value

        Parameters
        ----------
        value : object
        path : str
            Where it is, for the error: ``extra['epochs'][0]``.

        Raises
        ------
        TypeError
            If it is of a type that cannot be saved.
        """
        if value is None or isinstance(value, (bool, int, str)):
            # A subclass may be an np.float64 or an enumeration.
            if type(value) in (type(None), bool, int, str):
                return value
        elif type(value) is float:
            return ["float", value.hex()]
        if isinstance(value, (np.ndarray, np.generic)):
            return ["array" if isinstance(value, np.ndarray) else "number"] + [
                self._array(value, path)
            ]
        if type(value) in (list, tuple):
            kind = type(value).__name__
            return [kind] + [
                self.encode(v, "%s[%d]" % (path, i)) for i, v in enumerate(value)
            ]
        if type(value) in (dict, OrderedDict):
            return ["dict"] + [
                [self.encode(k, path), self.encode(v, "%s[%r]" % (path, k))]
                for k, v in value.items()
            ]
        if type(value) in (bytes, bytearray):
            return ["bytes", self._array(np.frombuffer(value, "u1"), path)]
        if isinstance(value, np.random.RandomState):
            return ["RandomState", self.encode(value.get_state(legacy=False), path)]
        if isinstance(value, np.random.Generator):
            return ["Generator", self.encode(value.bit_generator.state, path)]
        if hasattr(value, "get_value"):
            return self.encode(value.get_value(), path)
        if hasattr(value, "get_state"):
            return ["state", self.encode(value.get_state(), path)]
        raise TypeError(
            "cannot save %s, which is of type %s: pass numbers, texts, lists, tuples, "
            "dicts, arrays, random states, shared variables, or what has get_state() "
            "and set_state()" % (path, type(value).__name__)
        )

    def _array(self, value, path):
        value = np.asarray(value)
        dtype = value.dtype.newbyteorder("<")
        if dtype.str not in DTYPES:
            raise TypeError(
                "cannot save %s, an array of dtype %s: there are %s"
                % (path, value.dtype, ", ".join(str(d) for d in DTYPES.values()))
            )
        self.arrays[path] = value.astype(dtype, copy=False)
        return path


class Decoder:
    """
    lasagne_sparse.tables.values.Decoder(arrays)

    Turns what was read from JSON into values

    Parameters
    ----------
    arrays : dict from str to numpy.ndarray
    """

    def __init__(self, arrays):
        self._arrays = arrays

    def decode(self, found):
        """Returns the value that was encoded

        Parameters
        ----------
        found : object
            As :meth:`Encoder.encode` returned it. What told its own state comes
            back as that state.

        Raises
        ------
        FileError
            If it is nothing that an Encoder returns.
        """
        try:
            return self._decode(found)
        except FileError:
            raise
        except (ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
            raise FileError(
                "a value of the checkpoint is altered: %s" % error
            ) from error

    def _decode(self, found):
        if found is None or isinstance(found, (bool, int, str)):
            return found
        kind, rest = found[0], found[1:]
        if kind == "float":
            return float.fromhex(rest[0])
        if kind == "array":
            return self._arrays[rest[0]]
        if kind == "number":
            return self._arrays[rest[0]][()]
        if kind == "bytes":
            return self._arrays[rest[0]].tobytes()
        if kind in ("list", "tuple"):
            values = [self._decode(value) for value in rest]
            return values if kind == "list" else tuple(values)
        if kind == "dict":
            return OrderedDict((self._decode(k), self._decode(v)) for k, v in rest)
        if kind == "RandomState":
            return _random_state(self._decode(rest[0]))
        if kind == "Generator":
            return _generator(self._decode(rest[0]))
        if kind == "state":
            return self._decode(rest[0])
        raise ValueError("unknown kind %.80r" % (kind,))


def check_target(target, value, name):
    """Tells whether an object can be given a value that was saved, before it is

    Parameters
    ----------
    target : object
        A random state, a generator, a shared variable, or what has ``set_state``.
    value : object
        As :meth:`Decoder.decode` returned it.
    name : str
        What it is called, for the error.

    Raises
    ------
    TypeError
        If there is no way to.
    FileError
        If the value is not of such an object.
    """
    for kind in (np.random.RandomState, np.random.Generator):
        if isinstance(target, kind):
            same = isinstance(value, kind)
            if same and kind is np.random.Generator:
                same = type(target.bit_generator) is type(value.bit_generator)
            if not same:
                raise FileError(
                    "the checkpoint's value %s is %s, and not what %r takes"
                    % (name, _shown(value), target)
                )
            return
    if not hasattr(target, "set_state") and not hasattr(target, "set_value"):
        raise TypeError(
            "%s is of type %s, which has no set_state: take it from the result of "
            "load, result.extra[%r]" % (name, type(target).__name__, name)
        )


def _shown(value):
    return "of type %s" % type(value).__name__


def restore(target, value):
    """Gives a value that was saved to the object that it was saved of

    Parameters
    ----------
    target : object
        As :func:`check_target` takes it.
    value : object
    """
    if isinstance(target, np.random.RandomState):
        target.set_state(value.get_state(legacy=False))
    elif isinstance(target, np.random.Generator):
        target.bit_generator.state = value.bit_generator.state
    elif hasattr(target, "set_state"):
        target.set_state(value)
    else:
        target.set_value(value)


def _random_state(state):
    if state.get("bit_generator") != "MT19937":
        raise ValueError("unknown generator %.80r" % (state.get("bit_generator"),))
    random = np.random.RandomState()
    random.set_state(state)
    return random


def _generator(state):
    name = state["bit_generator"]
    if name not in _GENERATORS or not hasattr(np.random, name):
        raise ValueError("unknown generator %.80r" % (name,))
    generator = np.random.Generator(getattr(np.random, name)())
    generator.bit_generator.state = state
    return generator
