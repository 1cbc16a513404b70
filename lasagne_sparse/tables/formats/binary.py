"""Vectors in word2vec's binary format

A line with the number of vectors and their length; then of each its word, a space, and
its numbers as float32, little-endian. Some programs end each with a newline.
"""

import os

import numpy as np

from ..errors import FileError
from .text import checked_header

__all__ = ["read_binary", "write_binary"]

_CHUNK = 1 << 20
_LONGEST = 1 << 16  # a word, in bytes


def read_binary(path):
    """Yields vectors in blocks, as :func:`~.text.read_text` does

    Parameters
    ----------
    path : str

    Yields
    ------
    words : list of str
    vectors : numpy.ndarray, float32
    where : list of str
        Which of the vectors each is: ``vector 7``.

    Raises
    ------
    FileError
        If it is cut, or something else.
    """
    with open(path, "rb") as file:
        count, dim = checked_header(file, path)
        left = os.fstat(file.fileno()).st_size - file.tell()
        if count * (4 * dim + 1) > left:
            raise FileError(
                "%s: %d vectors of %d numbers do not fit into %d bytes"
                % (path, count, dim, left)
            )
        data, at, done = b"", 0, 0
        while done < count:
            words, rows = [], []
            while done + len(words) < count:
                found = _next(data, at, dim)
                if found is None and words:
                    break  # hand on what is there, then read more
                if found is None:
                    more = file.read(max(_CHUNK, 4 * dim))
                    if not more or len(data) - at > _LONGEST + 4 * dim + 2:
                        raise FileError(
                            "%s, vector %d: it is cut, or not in word2vec's binary "
                            "format" % (path, done + 1)
                        )
                    data, at = data[at:] + more, 0
                    continue
                word, start = found
                try:
                    words.append(word.decode("utf-8"))
                except UnicodeDecodeError:
                    raise FileError(
                        "%s, vector %d: the word is not text in UTF-8"
                        % (path, done + len(words) + 1)
                    ) from None
                rows.append(np.frombuffer(data, "<f4", dim, start))
                at = start + 4 * dim
            vectors = np.stack(rows).astype("float32")
            bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
            if bad.size:
                raise FileError(
                    "%s, vector %d: a number is not finite" % (path, done + bad[0] + 1)
                )
            where = ["vector %d" % k for k in range(done + 1, done + len(words) + 1)]
            yield words, vectors, where
            done += len(words)
        if (data[at:] + file.read(_CHUNK)).strip(b"\n"):
            raise FileError("%s: something follows the %d vectors" % (path, count))


def _next(data, at, dim):
    """Finds the next word and where its numbers start; None if it is cut."""
    while data[at : at + 1] == b"\n":
        at += 1
    end = data.find(b" ", at, at + _LONGEST)
    if end < 0 or end + 1 + 4 * dim > len(data):
        return None
    return data[at:end], end + 1


def write_binary(file, words, blocks, count, dim):
    """Writes vectors in word2vec's binary format

    Parameters
    ----------
    file : binary file
    words : sequence of str
    blocks : iterable of numpy.ndarray
        The vectors, some at a time.
    count, dim : int
    """
    file.write(b"%d %d\n" % (count, dim))
    words = iter(words)
    for block in blocks:
        for row in block.astype("<f4"):
            file.write(next(words).encode("utf-8") + b" " + row.tobytes() + b"\n")
