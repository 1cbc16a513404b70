"""Rows of 8 bits a number, in FBGEMM's layout, for serving

Each row has its own scale and bias, which lie behind its numbers:

* ``bias := min(row)``, ``scale := (max(row) - min(row)) / 255``, both float32
* ``q := rint((row - bias) * 255 / (max(row) - min(row) + 1e-8))``
* ``row ~ q * scale + bias``

as FBGEMM's ``FloatOrHalfToFused8BitRowwiseQuantizedSBFloat`` and PyTorch's
``quantized.embedding_bag_byte_prepack`` have it.
"""

from collections import namedtuple

import numpy as np

from .files import whole_file
from .formats.npy import write_npy
from .formats.writing import blocks_of

__all__ = ["Quantized", "dequantize", "quantize", "write_int8"]

Quantized = namedtuple("Quantized", "rows largest_error mean_error relative_error")
Quantized.__doc__ = """Rows of bytes, and what was lost

``rows`` is a matrix of uint8, ``num_units + 8`` bytes a row; ``largest_error`` and
``mean_error`` are of ``|row - dequantized|``, and ``relative_error`` is the root of the
summed squares of the errors by that of the numbers."""


def quantize(table):
    """Turns the rows of a table into bytes

    Parameters
    ----------
    table : numpy.ndarray or shared variable, shape ``(num_rows, num_units)``, float

    Returns
    -------
    Quantized
        A quarter of the memory and 8 bytes a row, and the error.

    Raises
    ------
    ValueError
        If it is no matrix of floats, or a number is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from lasagne_sparse.tables import int8
    >>> result = int8.quantize(np.array([[0., 0.5, 1.], [2., 2., 2.]]))
    >>> print(result.rows[:, :3].tolist(), int8.dequantize(result.rows)[1])
    [[0, 128, 255], [0, 0, 0]] [2. 2. 2.]
    >>> print('%.4f' % result.largest_error)
    0.0020
    """
    count, dim, dtype, blocks = blocks_of(table)
    if dtype.kind != "f" or not dim:
        raise ValueError(
            "table must be a matrix of floats, got %s of shape %s"
            % (dtype, (count, dim))
        )
    rows = np.empty((count, dim + 8), "u1")
    largest = total = squares = errors = 0.0
    start = 0
    for block in blocks:
        stop = start + len(block)
        values = block.astype("float32")
        if not np.isfinite(values).all():
            bad = start + np.flatnonzero(~np.isfinite(values).all(axis=1))[0]
            raise ValueError("row %d has a number that is not finite" % bad)
        _fill(rows[start:stop], values)
        error = np.abs(dequantize(rows[start:stop]) - block.astype("float64"))
        largest = max(largest, float(error.max(initial=0)))
        total += error.sum()
        errors += (error**2).sum()
        squares += (block.astype("float64") ** 2).sum()
        start = stop
    return Quantized(
        rows,
        largest,
        float(total / max(1, count * dim)),
        float(np.sqrt(errors / squares)) if squares else 0.0,
    )


def _fill(rows, values):
    dim = values.shape[1]
    least, range_ = values.min(axis=1), np.ptp(values, axis=1)
    with np.errstate(over="ignore"):
        inverse = np.float32(255) / (range_ + np.float32(1e-8))
        scaled = (values - least[:, None]) * inverse[:, None]
    rows[:, :dim] = np.clip(np.rint(scaled), 0, 255)
    ends = np.stack([range_ / np.float32(255), least], axis=1).astype("<f4")
    rows[:, dim:] = ends.view("u1")


def dequantize(rows):
    """Turns bytes back into numbers

    Parameters
    ----------
    rows : numpy.ndarray, shape ``(num_rows, num_units + 8)``, uint8

    Returns
    -------
    numpy.ndarray, shape ``(num_rows, num_units)``, float32

    Raises
    ------
    ValueError
        If they are no such rows.
    """
    rows = np.asarray(rows)
    if rows.ndim != 2 or rows.dtype != "uint8" or rows.shape[1] < 9:
        raise ValueError(
            "rows must be a matrix of uint8, with 9 bytes a row at least, got %s of "
            "shape %s" % (rows.dtype, rows.shape)
        )
    ends = np.ascontiguousarray(rows[:, -8:]).view("<f4")
    return rows[:, :-8] * ends[:, :1] + ends[:, 1:]


def write_int8(path, table):
    """Writes a table as rows of bytes into a file that ``numpy.load`` reads

    Parameters
    ----------
    path : str
    table : numpy.ndarray or shared variable, shape ``(num_rows, num_units)``, float

    Returns
    -------
    Quantized

    Raises
    ------
    FileError
        If it cannot be written; what was there is as it was.
    ValueError
        As for :func:`quantize`. Nothing is written then.
    """
    result = quantize(table)
    with whole_file(path) as file:
        write_npy(file, [result.rows], *result.rows.shape, "uint8")
    return result
