"""Which rows of an array are others than those last saved?

They are found by comparing with what was saved, block by block. So nothing is missed,
whoever wrote: a function, ``set_value``, another program; training pays nothing for it,
and no record of the rows written can be lost or go out of step. The price is that
saving reads what was last saved, as fast as the disk is read, and holds one block of
it; what is *written* follows the rows.
"""

import numpy as np

from .arrays import ArrayReader, row_blocks, row_bytes
from .manifest import Delta, Record

__all__ = ["save_array", "save_changes"]


def save_array(writer, array, advance):
    """Writes an array into blocks

    Parameters
    ----------
    writer : BlockWriter
    array : ArrayRows
    advance : callable
        Is told how many bytes were written.

    Returns
    -------
    Record
    """
    blocks = []
    if not array.shape:
        blocks.append(writer.add(_bytes(array.rows(0, 1))))
    elif row_bytes(array.shape, array.dtype):
        for start, stop in row_blocks(array.shape, array.dtype):
            data = _bytes(array.rows(start, stop))
            blocks.append(writer.add(data))
            advance(data.nbytes)
    return Record(array.dtype, array.shape, blocks, [])


def save_changes(writer, array, record, blocks, advance):
    """Writes those rows of an array that differ from what was saved

    Parameters
    ----------
    writer : BlockWriter
    array : ArrayRows
    record : Record
        What was saved.
    blocks : BlockReader
        Of the folder that it was saved in.
    advance : callable
        Is told how many bytes were looked at.

    Returns
    -------
    Record
        `record` with what was written since; a new one where the rows written since
        it was made take as many bytes as half of the array, so that reading it never
        takes long.

    Raises
    ------
    FileError
        If what was saved cannot be read, or nothing can be written.
    """
    row = row_bytes(array.shape, array.dtype)
    if (record.shape, record.dtype) != (array.shape, array.dtype) or not row:
        return save_array(writer, array, advance)
    if not array.shape or array.shape[0] == 1:
        saved = ArrayReader(record, blocks).read()
        same = not _differing(_bytes(array.rows(0, 1)).reshape(1, -1), saved).size
        return record if same else save_array(writer, array, advance)
    deltas, written = [], sum(d.values.bytes for d in record.deltas)
    for start, stop, saved in ArrayReader(record, blocks).blocks():
        now = _bytes(array.rows(start, stop)).reshape(stop - start, -1)
        changed = _differing(now, saved)
        advance(now.nbytes)
        if changed.size:
            written += changed.size * row
            if 2 * written > array.shape[0] * row:
                return save_array(writer, array, lambda done: None)
            deltas.append(_save_rows(writer, now[changed], changed + start, array))
    return record._replace(deltas=record.deltas + deltas)


def _save_rows(writer, values, index, array):
    few = array.shape[0] <= 2**32
    return Delta(
        len(index),
        int(index[0]),
        int(index[-1]),
        writer.add(index.astype("<u4" if few else "<u8")),
        writer.add(values),
    )


def _bytes(rows):
    return rows.reshape(-1).view("u1")


def _differing(now, saved):
    """Returns which rows differ, bit by bit: NaN is NaN, and 0 is not -0."""
    saved = _bytes(saved).reshape(now.shape)
    for word in ("u8", "u4", "u2"):
        if now.shape[1] % np.dtype(word).itemsize == 0:
            now, saved = now.view(word), saved.view(word)
            break
    return np.flatnonzero((now != saved).any(axis=1))
