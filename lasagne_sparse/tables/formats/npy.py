"""Vectors in NumPy's own format, with their words in a file beside it

What ``numpy.load`` does with a header that tells of a huge array is to ask for its
memory; here the header is looked at first, against the length of the file, and nothing
in it is evaluated.
"""

import os
import re

import numpy as np

from ..errors import FileError

__all__ = ["read_npy", "read_words", "write_npy"]

_HEADER = re.compile(
    rb"\{'descr': '([<>|=]?)([biuf][0-9]{1,2})', 'fortran_order': (True|False), "
    rb"'shape': \(([0-9]{1,18}), ?([0-9]{1,18}),?\), ?\} *\n?\Z"
)


def read_npy(path):
    """Reads a matrix

    Parameters
    ----------
    path : str

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    FileError
        If it is no matrix of numbers, or cut.
    """
    with open(path, "rb") as file:
        start = file.read(8)
        width = {b"\x93NUMPY\x01\x00": 2, b"\x93NUMPY\x02\x00": 4}.get(start)
        if width is None:
            raise FileError("%s is not in NumPy's format .npy" % path)
        length = int.from_bytes(file.read(width), "little")
        header = file.read(min(length, 1 << 16))
        found = _HEADER.match(header)
        if found is None or len(header) != length:
            raise FileError("%s is no matrix of numbers" % path)
        order, kind, fortran, rows, units = found.groups()
        try:
            dtype = np.dtype((order + kind).decode("ascii"))
        except TypeError as error:
            raise FileError("%s: %s" % (path, error)) from None
        shape = int(rows), int(units)
        left = os.fstat(file.fileno()).st_size - file.tell()
        if shape[0] * shape[1] * dtype.itemsize != left:
            raise FileError(
                "%s: a matrix of %d x %d of %s does not take %d bytes"
                % (path, shape[0], shape[1], dtype, left)
            )
        values = np.fromfile(file, dtype, shape[0] * shape[1])
    if len(values) != shape[0] * shape[1]:
        raise FileError("%s became shorter while it was read" % path)
    return (
        values.reshape(shape[::-1]).T if fortran == b"True" else values.reshape(shape)
    )


def read_words(path):
    """Reads a word a line

    Parameters
    ----------
    path : str

    Returns
    -------
    list of str

    Raises
    ------
    FileError
        If it is not text in UTF-8.
    """
    with open(path, "rb") as file:
        data = file.read()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FileError("%s, line %d: not text in UTF-8" % (path, line)) from None
    return text.split("\n")[:-1] if text.endswith("\n") else text.split("\n")


def write_npy(file, blocks, count, dim, dtype):
    """Writes a matrix, some rows at a time

    Parameters
    ----------
    file : binary file
    blocks : iterable of numpy.ndarray
    count, dim : int
    dtype : numpy.dtype
    """
    dtype = np.dtype(dtype).newbyteorder("<")
    header = {"descr": dtype.str, "fortran_order": False, "shape": (count, dim)}
    np.lib.format.write_array_header_1_0(file, header)
    for block in blocks:
        file.write(np.ascontiguousarray(block, dtype).tobytes())
