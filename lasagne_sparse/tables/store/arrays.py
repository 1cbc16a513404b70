"""Reads arrays that were saved as blocks, and the rows written since"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ..errors import FileError
from .blocks import SIZE

__all__ = ["ArrayReader", "ArrayRows", "row_blocks", "row_bytes"]


class ArrayRows:
    """
    lasagne_sparse.tables.store.arrays.ArrayRows(array)

    Gives rows of an array, little-endian, contiguous and on the host

    Those of an array on a device travel when they are asked for.

    Parameters
    ----------
    array : numpy.ndarray, numpy.generic or pygpu.gpuarray.GpuArray
    """

    def __init__(self, array):
        self._array = array
        self.shape = tuple(array.shape)
        self.dtype = np.dtype(array.dtype).newbyteorder("<")

    def rows(self, start, stop):
        """Returns some rows; of a number, all of it

        Parameters
        ----------
        start, stop : int

        Returns
        -------
        numpy.ndarray
        """
        rows = self._array[start:stop] if self.shape else self._array
        return np.ascontiguousarray(np.asarray(rows), self.dtype)


def row_bytes(shape, dtype):
    """Returns how many bytes a row has; all of an array that has no rows

    Parameters
    ----------
    shape : tuple of int
    dtype : numpy.dtype

    Returns
    -------
    int
    """
    return int(np.prod(shape[1:], dtype=object) * dtype.itemsize)


def row_blocks(shape, dtype):
    """Yields the rows of an array in blocks: (start, stop)

    Parameters
    ----------
    shape : tuple of int
        With one axis at least.
    dtype : numpy.dtype
    """
    step = max(1, SIZE // max(1, row_bytes(shape, dtype)))
    for start in range(0, shape[0], step):
        yield start, min(start + step, shape[0])


class ArrayReader:
    """
    lasagne_sparse.tables.store.arrays.ArrayReader(record, blocks)

    Reads an array block by block, in the order of the rows

    Parameters
    ----------
    record : Record
    blocks : BlockReader
    """

    def __init__(self, record, blocks):
        self._record, self._blocks = record, blocks
        self._deltas = {}

    def blocks(self):
        """Yields the array in blocks of rows

        Yields
        ------
        start, stop : int
        rows : numpy.ndarray
            Rows `start` to `stop` as they were last saved.

        Raises
        ------
        FileError
            If a block is not what was saved.
        """
        shape, dtype = self._record.shape, self._record.dtype
        for start, stop, block in self._pieces():
            rows = np.empty((stop - start,) + shape[1:], dtype)
            self._blocks.read(block, rows.reshape(-1).view("u1"))
            self._apply(rows, start, stop)
            yield start, stop, rows

    def read(self):
        """Reads all of the array

        Returns
        -------
        numpy.ndarray

        Raises
        ------
        FileError
            If a block is not what was saved.
        """
        array = np.empty(self._record.shape, self._record.dtype)
        data = array.reshape(-1).view("u1")
        ends = np.cumsum([0] + [block.bytes for block in self._record.blocks]).tolist()
        places = [data[a:b] for a, b in zip(ends, ends[1:])]
        # A digest takes longer than its bytes: two at a time.
        with ThreadPoolExecutor(2) as pool:
            for _ in pool.map(self._blocks.read, self._record.blocks, places):
                pass
        if self._record.deltas:
            for start, stop, _ in self._pieces():
                self._apply(array[start:stop], start, stop)
        return array

    def _pieces(self):
        """Yields (start, stop, block): a number is one row."""
        start, row = 0, row_bytes(self._record.shape, self._record.dtype)
        for block in self._record.blocks:
            stop = start + block.bytes // row
            yield start, stop, block
            start = stop

    def _apply(self, rows, start, stop):
        """Puts what was written since into some rows."""
        for number, delta in enumerate(self._record.deltas):
            if delta.last < start or delta.first >= stop:
                continue
            if number not in self._deltas:
                self._deltas[number] = self._delta(delta)
            index, values = self._deltas[number]
            low, high = np.searchsorted(index, [start, stop])
            rows[index[low:high] - start] = values[low:high]
            if delta.last < stop:
                del self._deltas[number]  # rows come in order

    def _delta(self, delta):
        record = self._record
        dtype = "<u4" if delta.index.bytes == 4 * delta.rows else "<u8"
        index = np.frombuffer(self._blocks.read(delta.index), dtype).astype("int64")
        values = np.frombuffer(self._blocks.read(delta.values), record.dtype)
        rising = np.all(index[1:] > index[:-1])
        if not rising or index[0] != delta.first or index[-1] != delta.last:
            raise FileError(
                "%s is altered: its rows are not in order" % delta.index.file
            )
        return index, values.reshape((delta.rows,) + record.shape[1:])
