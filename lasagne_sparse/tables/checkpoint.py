"""Saves a training run, so that it goes on bit for bit, and loads it

A checkpoint holds parameters, accumulators and counters of the rules, the states of
the random streams (those of dropout, and samplers), and the program's own values. It
lies in a folder, which may hold several of them. What was saved is on the disk, whole,
when :func:`save` returns; a save that is interrupted, at whatever moment, leaves the
checkpoints that were there before. A checkpoint is numbers and text: nothing in it can
run code.

.. autosummary::
    :nosignatures:

    save
    load
    Loaded
    named_variables
    numbers

Examples
--------
>>> import numpy as np, tempfile, theano
>>> from lasagne_sparse.tables import checkpoint
>>> from lasagne_sparse.updates import adam
>>> W = theano.shared(np.ones((5, 2)), 'words.W')
>>> updates = adam(W[[1]].sum(), [W])
>>> train = theano.function([], updates=updates)
>>> folder = tempfile.mkdtemp()
>>> checkpoint.save(folder, updates, epoch=3)
1
>>> train()
[]
>>> loaded = checkpoint.load(folder, updates)
>>> print(W.get_value()[1], loaded.extra['epoch'])
[1. 1.] 3
"""

from collections import OrderedDict, namedtuple

import numpy as np
import scipy.sparse

from .errors import FileError
from .names import named_variables
from .store import Saved, numbers, save_arrays
from .values import Decoder, Encoder, check_target, restore

__all__ = ["Loaded", "load", "named_variables", "numbers", "save"]


class Loaded(namedtuple("Loaded", "number extra loaded missing unfit unused")):
    """
    lasagne_sparse.tables.checkpoint.Loaded

    What was loaded. ``print(loaded)`` tells it in words.

    Parameters
    ----------
    number : int
        Of the checkpoint.
    extra : dict from str to object
        The program's own values.
    loaded : list of str
        The names of the variables that got their values.
    missing : list of str
        Variables that the checkpoint does not have: they keep their values.
    unfit : dict from str to str
        Variables that are of another shape or dtype there, and of which: they keep
        their values.
    unused : list of str
        What the checkpoint has and no variable was found for.
    """

    __slots__ = ()

    def __str__(self):
        lines = ["checkpoint %d: %d loaded" % (self.number, len(self.loaded))]
        lines += ["not in the checkpoint: " + name for name in self.missing]
        lines += ["does not fit: %s: %s" % item for item in self.unfit.items()]
        lines += ["only in the checkpoint: " + name for name in self.unused]
        return "\n  ".join(lines)


def save(
    path,
    updates=None,
    network=None,
    keep=1,
    incremental=False,
    shard_bytes=2**30,
    progress=None,
    **extra,
):
    """Saves a training run

    Parameters
    ----------
    path : str
        A folder; it is made if it is not there.
    updates : dict from shared variables to expressions, or list of such
        Of all functions that train: what they update is saved, the random streams
        that they draw from, and single numbers that they read.
    network : Layer, or list of layers or of shared variables, optional
        Its parameters are saved, also those that are not trained.
    keep : int or None
        How many checkpoints stay in the folder, this one included; None for all.
    incremental : bool
        Whether only those rows are written that differ from the newest checkpoint
        in the folder. Differences are found by comparing, bit by bit: nothing that
        was changed, by whatever means, is missed.
    shard_bytes : int
        No data file is much longer.
    progress : bool, optional
        Whether to show a bar. If left out: for a large save, where standard error is
        a terminal and tqdm is installed.
    **extra
        The program's own values: numbers, texts, lists, tuples, dicts, arrays,
        NumPy's random states, and what has ``get_state()`` and ``set_state()``, such
        as a :class:`~lasagne_sparse.tables.keys.key_map.KeyMap`.

    Returns
    -------
    int
        The number of the checkpoint: 1 for the first one in the folder.

    Raises
    ------
    FileError
        If it cannot be saved: the disk is full, the folder cannot be written to,
        another process is saving there. What was saved before is whole then.
    TypeError
        If a value cannot be saved. Nothing is written then.
    ValueError
        If `keep` or `shard_bytes` is less than 1.
    """
    for name, value in [("keep", keep), ("shard_bytes", shard_bytes)]:
        if value is not None and value < 1:
            raise ValueError("%s must be 1 or more, got %r" % (name, value))
    encoder, arrays, streams = Encoder(), OrderedDict(), OrderedDict()
    for name, variable in named_variables(updates, network).items():
        if scipy.sparse.issparse(_inside(variable)):
            raise TypeError(
                "cannot save %s, a sparse matrix of SciPy's: pass its data, indices "
                "and indptr as values" % name
            )
        if _is_array(variable):
            arrays["variables/" + name] = _inside(variable)
        else:
            streams[name] = variable.get_value()
    values = {
        "streams": encoder.encode(streams, "streams"),
        "extra": encoder.encode(dict(extra), "extra"),
    }
    arrays.update(encoder.arrays)
    return save_arrays(path, arrays, values, keep, incremental, shard_bytes, progress)


def load(
    path, updates=None, network=None, number=None, strict=True, progress=None, **extra
):
    """Loads a training run, so that it goes on as if it had never stopped

    Everything is read, and its digests are looked at, before the first variable is
    written. This takes the memory of a second copy.

    Parameters
    ----------
    path : str
        The folder.
    updates, network
        As for :func:`save`: the variables to write.
    number : int, optional
        Which checkpoint; the newest if left out.
    strict : bool
        Whether it is an error if the checkpoint lacks a variable, has it in another
        shape or dtype, or, where there are `updates`, has more. If False, what fits
        by name, shape and dtype is loaded, and the result tells what did not.
    progress : bool, optional
        As for :func:`save`.
    **extra
        Objects to give their states back to, by the names that they were saved
        under: random states, shared variables, and what has ``set_state()``.

    Returns
    -------
    Loaded
    named_variables
        With all the program's values in ``extra``.

    Raises
    ------
    FileError
        If there is no such checkpoint, or it is not what was saved, or, if `strict`,
        does not fit. No variable is changed then.
    """
    saved = Saved(path, number)
    variables = named_variables(updates, network)
    known = saved.manifest.arrays
    values = _values_of(saved)
    wanted, loaded, missing, unfit = [], [], [], OrderedDict()
    decoder = Decoder(saved.read(_own(known), False))
    streams, own = decoder.decode(values["streams"]), decoder.decode(values["extra"])
    for name, variable in variables.items():
        record = known.get("variables/" + name)
        if not _is_array(variable):
            (loaded if name in streams else missing).append(name)
        elif record is None:
            missing.append(name)
        elif _type_of(record) != _type_of(_inside(variable)):
            unfit[name] = "%s there, %s here" % (
                _described(record),
                _described(_inside(variable)),
            )
        else:
            loaded.append(name)
            wanted.append("variables/" + name)
    there = [n[len("variables/") :] for n in known if n.startswith("variables/")]
    unused = [n for n in there + list(streams) if n not in variables]
    result = Loaded(saved.number, own, loaded, missing, unfit, unused)
    if strict and (missing or unfit or (unused and updates is not None)):
        raise FileError(
            "the checkpoint in %s does not fit this program; load(..., strict=False) "
            "loads what does.\n%s" % (path, result)
        )
    absent = [name for name in extra if name not in own]
    if absent:
        raise FileError(
            "the checkpoint in %s has no value %s: it has %s"
            % (path, ", ".join(absent), ", ".join(own) or "none")
        )
    for name, target in extra.items():
        check_target(target, own[name], name)
    arrays = saved.read(wanted, progress)
    for name, target in extra.items():
        restore(target, own[name])
    for name in loaded:
        if _is_array(variables[name]):
            _write(variables[name], arrays.pop("variables/" + name))
        else:
            variables[name].set_value(streams[name])
    return result


def _own(records):
    return [name for name in records if not name.startswith("variables/")]


def _values_of(saved):
    values = saved.manifest.values
    if not isinstance(values, dict) or {"streams", "extra"} - set(values):
        raise FileError(
            "checkpoint %d in %s is no training run" % (saved.number, saved.folder)
        )
    return values


def _inside(variable):
    """Returns a variable's own array: on its device, and not copied."""
    return variable.get_value(borrow=True, return_internal_type=True)


def _is_array(variable):
    return hasattr(variable, "dtype")


def _type_of(array):
    return tuple(array.shape), np.dtype(array.dtype)


def _described(array):
    lengths = " x ".join(map(str, array.shape)) or "a number"
    return "%s of %s" % (lengths, np.dtype(array.dtype).name)


def _write(variable, value):
    inside = _inside(variable)
    if _is_on_file(inside):
        inside[...] = value  # the file is to change
    else:
        variable.set_value(value.astype(inside.dtype, copy=False), borrow=True)


def _is_on_file(array):
    while array is not None:
        if isinstance(array, np.memmap):
            return True
        array = getattr(array, "base", None)
    return False
