"""What a map of keys tells a checkpoint, and what it believes of one"""

import numpy as np

from ..errors import FileError

__all__ = ["look_at", "packed", "unpacked"]


def packed(keys):
    """Turns keys into arrays of numbers

    Parameters
    ----------
    keys : numpy.ndarray
        int64, or objects of type str.

    Returns
    -------
    list of numpy.ndarray
        The keys; of texts all their bytes in UTF-8, and the length of each.
    """
    if keys.dtype != object:
        return [keys]
    texts = [key.encode("utf-8", "surrogatepass") for key in keys]
    lengths = np.array([len(text) for text in texts], "int64")
    return [np.frombuffer(b"".join(texts), "u1"), lengths]


def unpacked(arrays, kind):
    """Turns arrays of numbers into the keys that they were made of

    Parameters
    ----------
    arrays : list of numpy.ndarray
        As :func:`packed` returned them.
    kind : str
        'number' or 'text'.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    FileError
        If they are no keys of this kind, or one is there twice.
    """
    if kind == "number":
        _expect(len(arrays) == 1, "its keys are no numbers")
        keys = arrays[0]
        _expect(keys.dtype == "int64" and keys.ndim == 1, "its keys are no numbers")
        _expect(len(np.unique(keys)) == len(keys), "a key is there twice")
        return keys
    _expect(len(arrays) == 2, "its keys are no texts")
    data, lengths = arrays
    _expect(data.dtype == "uint8" and lengths.dtype == "int64", "its keys are no texts")
    _expect((lengths >= 0).all() and lengths.sum() == len(data), "its texts are cut")
    data, stops = data.tobytes(), np.cumsum(lengths).tolist()
    try:
        texts = [
            data[stop - length : stop].decode("utf-8", "surrogatepass")
            for stop, length in zip(stops, lengths.tolist())
        ]
    except UnicodeDecodeError as error:
        raise FileError("the keys that were saved are no texts: %s" % error) from error
    _expect(len(set(texts)) == len(texts), "a key is there twice")
    keys = np.zeros(len(texts), object)
    keys[:] = texts
    return keys


def look_at(state, settings):
    """Looks whether a state is one of a map with these settings

    Parameters
    ----------
    state : object
        As it was read.
    settings : dict

    Raises
    ------
    FileError
        If it is not.
    """
    try:
        for name, value in settings.items():
            _expect(
                state["settings"][name] == value,
                "its %s is %r, and here it is %r"
                % (name, state["settings"][name], value),
            )
        rows, most = state["rows"], settings["num_rows"]
        _expect(rows.dtype.kind == "i" and rows.ndim == 1, "its rows are no numbers")
        _expect(len(np.unique(rows)) == len(rows), "a row has two keys")
        inside = (rows >= 0) & (rows < most) & (rows != settings["unknown"])
        _expect(inside.all(), "a row is out of range")
        for name in ("counts", "last"):
            _expect(state[name].shape == rows.shape, "its %s are cut" % name)
        last, step = state["last"], state["step"]
        _expect((last > 0).all() and (last <= step).all(), "its ages are impossible")
        _expect(rows.max(initial=-1) < state["next"] <= most, "rows are beyond its end")
        _expect(isinstance(state["random"], np.random.RandomState), "no random state")
        _expect(len(_keys(state["keys"])) == len(rows), "its keys are cut")
        others = state.get("candidates")
        _expect((others is None) == (settings["admit_after"] == 1), "no candidates")
        if others is not None:
            keys, counts, last, positions, length = others
            number = len(_keys(keys))
            _expect(
                number <= length <= settings["num_candidates"], "too many candidates"
            )
            _expect(
                all(len(values) == number for values in (counts, last, positions)),
                "candidates are cut",
            )
            rising = (np.diff(positions) > 0).all() and (positions >= 0).all()
            _expect(rising and (positions < length).all(), "candidates out of range")
            _expect((counts > 0).all(), "candidates that were never seen")
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        raise FileError("what was saved is no map of keys: %r" % error) from error


def _keys(arrays):
    return arrays[-1]


def _expect(true, message):
    if not true:
        raise FileError("the map of keys that was saved does not fit: " + message)
