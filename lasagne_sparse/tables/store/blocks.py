"""Blocks of bytes in data files, each with its digest"""

import contextlib
import hashlib
import os
import threading
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor

from ..errors import FileError
from ..files import reporting, sync_folder

__all__ = ["Block", "BlockReader", "BlockWriter", "digest"]

#: How many bytes have one digest: what is read at once, at most.
SIZE = 1 << 24

Block = namedtuple("Block", "file at bytes digest")
Block.__doc__ = """Where bytes lie: data file, position, number, and their digest"""


def digest(data):
    """Returns the digest of some bytes: SHA-256, as hexadecimal digits

    Parameters
    ----------
    data : bytes-like

    Returns
    -------
    str
    """
    return hashlib.sha256(data).hexdigest()


class BlockWriter:
    """
    lasagne_sparse.tables.store.blocks.BlockWriter(folder, prefix, shard_bytes)

    Writes blocks into data files of a folder, as a context manager

    On leaving it, all files are on the disk under their names; after an error they
    are gone.

    Parameters
    ----------
    folder : str
    prefix : str
        What the files' names begin with: ``00000012``.
    shard_bytes : int
        A file that is this long is followed by another one.

    Attributes
    ----------
    files : dict from str to int
        The lengths of the files by name.
    """

    def __init__(self, folder, prefix, shard_bytes):
        self._folder, self._prefix = folder, prefix
        self._shard_bytes = shard_bytes
        self._file = None
        self._name = None
        self.files = {}
        # A digest is made while its bytes are on their way to the disk.
        self._hashing = ThreadPoolExecutor(1)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self._hashing.shutdown()
        try:
            if kind is None:
                self._close()
                with reporting("write", self._folder):
                    sync_folder(self._folder)
        finally:
            if self._file is not None:
                self._file.close()
                self._file = None
                self._discard()
            elif kind is not None:
                self._discard()

    def add(self, data):
        """Writes a block

        Parameters
        ----------
        data : C-contiguous bytes-like

        Returns
        -------
        Block

        Raises
        ------
        FileError
            If the disk is full, or the folder cannot be written to.
        """
        data = memoryview(data).cast("B")
        with reporting("write", self._folder):
            if self._file is None:
                self._open()
            making = self._hashing.submit(digest, data)
            at = self._file.tell()
            try:
                done = 0
                while done < len(data):
                    done += self._file.write(data[done:])
            finally:
                found = making.result()  # it reads `data`, which the caller may free
        self.files[self._name] = at + len(data)
        block = Block(self._name, at, len(data), found)
        if self.files[self._name] >= self._shard_bytes:
            self._close()
        return block

    def _open(self):
        self._name = "%s-%05d.data" % (self._prefix, len(self.files))
        self.files[self._name] = 0
        path = os.path.join(self._folder, self._name + ".part")
        self._file = open(path, "wb", buffering=0)  # noqa: SIM115  # in _close

    def _close(self):
        if self._file is None:
            return
        path = os.path.join(self._folder, self._name)
        with reporting("write", path):
            os.fsync(self._file.fileno())
            self._file.close()
            self._file = None
            os.replace(path + ".part", path)

    def _discard(self):
        for name in self.files:
            for path in (name, name + ".part"):
                with contextlib.suppress(OSError):  # no manifest names it
                    os.unlink(os.path.join(self._folder, path))


class BlockReader:
    """
    lasagne_sparse.tables.store.blocks.BlockReader(folder)

    Reads blocks of the data files of a folder, and looks at their digests

    Threads may read at the same time.

    Parameters
    ----------
    folder : str
    """

    def __init__(self, folder):
        self._folder = folder
        self._files = {}
        self._opening = threading.Lock()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for number in self._files.values():
            os.close(number)
        self._files = {}

    def read(self, block, into=None):
        """Reads a block

        Parameters
        ----------
        block : Block
        into : writable C-contiguous bytes-like, optional
            Where to put it; as long as the block is.

        Returns
        -------
        memoryview

        Raises
        ------
        FileError
            If the file is gone, shorter, or holds other bytes.
        """
        path = os.path.join(self._folder, block.file)
        with reporting("read", path):
            number = self._opened(block.file, path)
            length = os.fstat(number).st_size
            if length < block.at + block.bytes:
                raise FileError(
                    "%s is cut: %d bytes from %d on are to be there, and it has %d"
                    % (path, block.bytes, block.at, length)
                )
            view = memoryview(bytearray(block.bytes) if into is None else into)
            view = view.cast("B")
            done = 0
            while done < block.bytes:
                # It moves no position, which threads would share.
                length = os.preadv(number, [view[done:]], block.at + done)
                if not length:
                    raise FileError("%s became shorter while it was read" % path)
                done += length
        if digest(view) != block.digest:
            raise FileError(
                "%s is altered: the digest of its %d bytes from %d on is not the one "
                "that was saved" % (path, block.bytes, block.at)
            )
        return view

    def _opened(self, name, path):
        with self._opening:
            if name not in self._files:
                self._files[name] = os.open(path, os.O_RDONLY)
            return self._files[name]
