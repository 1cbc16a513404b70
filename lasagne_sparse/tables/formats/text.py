"""Vectors as text, a word a line: word2vec's and fastText's format, and GloVe's"""

import os

import numpy as np

from ..errors import FileError

__all__ = ["checked_header", "has_header", "read_text", "write_text"]

#: Lines that are turned into numbers at a time.
_LINES = 1000


def has_header(path):
    """Tells whether the first line of a file are two whole numbers, and no more

    Parameters
    ----------
    path : str

    Returns
    -------
    bool
    """
    with open(path, "rb") as file:
        return _header(file.readline(200)) is not None


def _header(line):
    fields = line.split()
    if len(fields) != 2 or not all(f.isdigit() and len(f) < 19 for f in fields):
        return None
    return int(fields[0]), int(fields[1])


def read_text(path, header):
    """Yields vectors in blocks

    Parameters
    ----------
    path : str
    header : bool
        Whether the first line tells how many there are, and how long.

    Yields
    ------
    words : list of str
    vectors : numpy.ndarray, float32
    where : list of str
        Where in the file each is: ``line 7``.

    Raises
    ------
    FileError
        If a line is not a word and as many numbers as the others have. The message
        names the line.
    """
    with open(path, "rb") as file:
        count = dim = None
        start = 1
        if header:
            count, dim = checked_header(file, path)
            start = 2
        lines, number = [], start - 1
        for number, line in enumerate(file, start):
            if dim is None:
                dim = len(line.split()) - 1
                if dim < 1:
                    raise FileError("%s, line 1: expected a word and numbers" % path)
            lines.append(line)
            if len(lines) == _LINES:
                yield _block(path, lines, number, dim)
                lines = []
        if lines:
            yield _block(path, lines, number, dim)
    if count not in (None, number - 1):
        raise FileError(
            "%s: line 1 tells of %d vectors, and there are %d"
            % (path, count, number - 1)
        )


def checked_header(file, path):
    """Reads how many vectors there are, and how long, and looks if that can be

    Parameters
    ----------
    file : binary file
    path : str

    Returns
    -------
    count, dim : int

    Raises
    ------
    FileError
        If the first line does not tell, or more than fits into the file.
    """
    found = _header(file.readline(200))
    if found is None:
        raise FileError(
            "%s, line 1: expected how many vectors there are, and how long they are; "
            "without such a line it is of the format 'glove'" % path
        )
    count, dim = found
    size = os.fstat(file.fileno()).st_size
    # A word and each number take two bytes at least.
    if not dim or count * (2 * dim + 2) > size + 1:
        raise FileError(
            "%s, line 1: %d vectors of %d numbers do not fit into %d bytes"
            % (path, count, dim, size)
        )
    return count, dim


def _block(path, lines, last, dim):
    first = last - len(lines) + 1
    words, vectors = [], np.empty((len(lines), dim), "float32")
    for row, line in enumerate(lines):
        place = "%s, line %d: " % (path, first + row)
        # From the right: some words have spaces.
        fields = line.strip(b" \t\r\n").replace(b"\t", b" ").rsplit(b" ", dim)
        if len(fields) != dim + 1:
            raise FileError(
                place
                + "expected a word and %d numbers, got %d of them"
                % (dim, max(0, len(fields) - 1))
            )
        try:
            words.append(fields[0].decode("utf-8"))
            with np.errstate(over="ignore"):
                vectors[row] = [_float(field) for field in fields[1:]]
        except UnicodeDecodeError:
            raise FileError(place + "the word is not text in UTF-8") from None
        except ValueError as error:
            raise FileError(place + str(error)) from None
        if not np.isfinite(vectors[row]).all():
            raise FileError(place + "a number is not finite")
    return words, vectors, ["line %d" % k for k in range(first, last + 1)]


def _float(field):
    if b"_" in field:  # Python's own literals may have it
        raise ValueError("could not convert string to float: %r" % field)
    return float(field)


def write_text(file, words, blocks, header):
    """Writes vectors as text, so that they are read as they were, bit by bit

    Parameters
    ----------
    file : binary file
    words : sequence of str
    blocks : iterable of numpy.ndarray
        The vectors, some at a time.
    header : tuple (count, dim), or None
        What the first line tells.
    """
    if header:
        file.write(b"%d %d\n" % header)
    words = iter(words)
    for block in blocks:
        digits = 9 if block.dtype.itemsize <= 4 else 17
        line = " ".join(["%s"] + ["%%.%dg" % digits] * block.shape[1]) + "\n"
        text = "".join(line % (next(words), *row) for row in block.tolist())
        file.write(text.encode("utf-8"))
