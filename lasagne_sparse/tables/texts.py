"""Keys and words as arrays of numbers"""

import numpy as np

from .errors import FileError

__all__ = ["packed", "unpacked"]


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
    _expect(data.ndim == lengths.ndim == 1, "its texts are no list")
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


def _expect(true, message):
    if not true:
        raise FileError("the keys that were saved do not fit: " + message)
