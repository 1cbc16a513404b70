"""A folder of checkpoints: the newest of them, and what no longer belongs to any"""

import contextlib
import fcntl
import os
import re
from collections import OrderedDict

from ..errors import FileError
from ..files import reporting, sync_folder
from ..progress import bar
from .arrays import ArrayReader, ArrayRows, row_bytes
from .blocks import BlockReader, BlockWriter
from .changes import save_array, save_changes
from .manifest import DTYPES, Manifest, read_manifest, write_manifest

__all__ = ["Saved", "numbers", "save_arrays"]

_MANIFEST = re.compile(r"([0-9]{8})\.json\Z")
#: What a save that was killed leaves: data files, and what was not renamed yet.
_OURS = re.compile(r"[0-9]{8}(-[0-9]{5}\.data|\.json)(\.part|\.[a-z0-9_]{8}\.part)?\Z")


def numbers(folder):
    """Lists the checkpoints in a folder

    Parameters
    ----------
    folder : str

    Returns
    -------
    list of int
        Their numbers, rising.

    Raises
    ------
    FileError
        If there is no such folder, or it cannot be read.
    """
    if not os.path.isdir(folder):
        raise FileError(
            "there is no checkpoint in %s: %s"
            % (
                folder,
                "it is no folder" if os.path.exists(folder) else "no such folder",
            )
        )
    with reporting("read", folder):
        names = [_MANIFEST.match(name) for name in os.listdir(folder)]
    return sorted(int(name.group(1)) for name in names if name)


def save_arrays(
    folder,
    arrays,
    values=None,
    keep=1,
    incremental=False,
    shard_bytes=2**30,
    progress=None,
):
    """Saves arrays by name, as the newest checkpoint of a folder

    Parameters
    ----------
    folder : str
        Is made if it is not there.
    arrays : dict from str to arrays
        NumPy's, or those of a device.
    values : object
        What JSON takes.
    keep : int or None
        How many checkpoints stay there, this one included; None for all.
    incremental : bool
        Whether to write only rows that differ from the newest checkpoint.
    shard_bytes : int
        A data file that is this long is followed by another one.
    progress : bool, optional
        Whether to show a bar.

    Returns
    -------
    int
        The number of the checkpoint. It is on the disk, all of it.

    Raises
    ------
    FileError
        If it cannot be saved; earlier checkpoints are whole then.
    TypeError
        If an array is not of numbers. Nothing is written then.
    """
    folder = os.path.abspath(folder)
    arrays = OrderedDict((name, ArrayRows(array)) for name, array in arrays.items())
    for name, array in arrays.items():
        if array.dtype.str not in DTYPES:
            raise TypeError(
                "cannot save %s, which is of dtype %s" % (name, array.dtype)
            )
    with reporting("write", folder):
        if not os.path.isdir(folder):
            os.makedirs(folder)
            sync_folder(os.path.dirname(folder))
    with _locked(folder):
        before = numbers(folder)
        _tidy(folder, before)
        number = before[-1] + 1 if before else 1
        base = None
        if incremental and before:
            base = _read_base(_path(folder, before[-1]))
        manifest = _write(folder, number, arrays, values, base, shard_bytes, progress)
        write_manifest(_path(folder, number), manifest)
        if keep is not None:
            try:
                _forget(folder, before[: max(0, len(before) + 1 - keep)])
            except FileError as error:
                raise FileError(
                    "checkpoint %d is saved, but earlier ones cannot be removed: %s"
                    % (number, error)
                ) from error
    return number


def _read_base(path):
    try:
        return read_manifest(path)
    except FileError as error:
        raise FileError(
            "%s\nsave(..., incremental=False) does not need it" % error
        ) from error


def _path(folder, number):
    return os.path.join(folder, "%08d.json" % number)


def _write(folder, number, arrays, values, base, shard_bytes, progress):
    total = sum(
        row_bytes(a.shape, a.dtype) * (a.shape[0] if a.shape else 1)
        for a in arrays.values()
    )
    records = OrderedDict()
    with BlockReader(folder) as blocks, BlockWriter(
        folder, "%08d" % number, shard_bytes
    ) as writer, bar(total, "saving", progress) as advance:
        for name, array in arrays.items():
            saved = base.arrays.get(name) if base else None
            if saved is None:
                records[name] = save_array(writer, array, advance)
            else:
                records[name] = save_changes(writer, array, saved, blocks, advance)
        files = dict(base.files if base else {}, **writer.files)
    named = {block.file for record in records.values() for block in _blocks(record)}
    files = OrderedDict((name, files[name]) for name in sorted(named))
    return Manifest(number, records, values, files)


def _blocks(record):
    return [
        *record.blocks,
        *(d.index for d in record.deltas),
        *(d.values for d in record.deltas),
    ]


@contextlib.contextmanager
def _locked(folder):
    """Lets one process save into a folder at a time; a dead one holds no lock."""
    with reporting("write", folder):
        number = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FileError(
                "another process is saving into %s: give each its own folder" % folder
            ) from None
        except OSError:
            pass  # a file system without locks
        yield
    finally:
        os.close(number)


def _forget(folder, old):
    """Removes checkpoints, and the data files that no other one names."""
    if not old:
        return
    with reporting("write", folder):
        for number in old:
            os.unlink(_path(folder, number))
        # Manifests go first, for good: none may name a file that is gone.
        sync_folder(folder)
    _tidy(folder, numbers(folder))


def _tidy(folder, kept):
    """Removes what belongs to no checkpoint; nothing if one of them cannot be read."""
    needed = {os.path.basename(_path(folder, number)) for number in kept}
    for number in kept:
        try:
            needed.update(read_manifest(_path(folder, number)).files)
        except FileError:
            return
    with reporting("write", folder):
        for name in os.listdir(folder):
            if _OURS.match(name) and name not in needed:
                os.unlink(os.path.join(folder, name))


class Saved:
    """
    lasagne_sparse.tables.store.folder.Saved(folder, number=None)

    A checkpoint that was saved

    Parameters
    ----------
    folder : str
    number : int, optional
        Which one; the newest if left out.

    Attributes
    ----------
    manifest : Manifest

    Raises
    ------
    FileError
        If it is not there, or not whole. The message names those that are.
    """

    def __init__(self, folder, number=None):
        self.folder = os.path.abspath(folder)
        there = numbers(self.folder)
        if not there:
            raise FileError("there is no checkpoint in %s" % folder)
        self.number = there[-1] if number is None else number
        if self.number not in there:
            raise FileError(
                "there is no checkpoint %s in %s: there are %s"
                % (number, folder, ", ".join(map(str, there)))
            )
        self._others = [n for n in there if n != self.number]
        with self._naming_others():
            self.manifest = read_manifest(_path(self.folder, self.number))

    def read(self, names, progress=None):
        """Reads arrays

        Parameters
        ----------
        names : iterable of str
        progress : bool, optional
            Whether to show a bar.

        Returns
        -------
        dict from str to numpy.ndarray

        Raises
        ------
        FileError
            If anything is not what was saved.
        """
        records = {name: self.manifest.arrays[name] for name in names}
        total = sum(b.bytes for record in records.values() for b in record.blocks)
        found = {}
        with self._naming_others(), BlockReader(self.folder) as blocks, bar(
            total, "loading", progress
        ) as advance:
            for name, record in records.items():
                found[name] = ArrayReader(record, blocks).read()
                advance(found[name].nbytes)
        return found

    @contextlib.contextmanager
    def _naming_others(self):
        try:
            yield
        except FileError as error:
            if not self._others:
                raise
            raise FileError(
                "%s\nOther checkpoints in %s may be whole: load(..., number=%d)"
                % (error, self.folder, self._others[-1])
            ) from error
