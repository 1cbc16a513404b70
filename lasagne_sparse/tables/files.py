"""Writes files whole or not at all

A file is written beside its place, under a name that ends in ``.part``, brought to the
disk (flush, fsync), renamed, and its folder is brought to the disk. Whoever reads under
the file's own name finds what was there before, or all of the new one, also after a
power cut.
"""

import contextlib
import os
import tempfile

from .errors import FileError

__all__ = ["reporting", "sync_folder", "whole_file"]


@contextlib.contextmanager
def reporting(action, path):
    """Turns the system's errors into a FileError that says what was done to what

    Parameters
    ----------
    action : str
        'write' or 'read'.
    path : str

    Raises
    ------
    FileError
        In the place of an OSError.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        kept = "; what was there before is as it was" if action == "write" else ""
        raise FileError("cannot %s %s: %s%s" % (action, path, reason, kept)) from error


def sync_folder(path):
    """Brings the names in a folder to the disk

    Parameters
    ----------
    path : str

    Raises
    ------
    OSError
        If the system cannot.
    """
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


@contextlib.contextmanager
def whole_file(path, text=False):
    """Opens a file that takes its place when all of it is written

    Parameters
    ----------
    path : str
        Its place. What is there stays until the new one is whole.
    text : bool
        Whether it is opened for text, in UTF-8, and not for bytes.

    Yields
    ------
    file

    Raises
    ------
    FileError
        If it cannot be written. The part that was is removed, and `path` is as it was.

    Examples
    --------
    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), 'a.txt')
    >>> with whole_file(path, text=True) as file:
    ...     print(file.write('words'), os.path.exists(path))
    5 False
    >>> os.path.exists(path)
    True
    """
    path = os.path.abspath(os.fspath(path))
    folder, name = os.path.split(path)
    options = dict(encoding="utf-8", newline="\n") if text else {}
    with reporting("write", path):
        if os.path.isdir(path):
            raise FileError("cannot write %s: it is a folder" % path)
        number, part = tempfile.mkstemp(".part", name + ".", folder)
        try:
            with os.fdopen(number, "w" if text else "wb", **options) as file:
                yield file
                file.flush()
                _share_as_others(file.fileno())
                os.fsync(file.fileno())
            os.replace(part, path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(part)
            raise
        sync_folder(folder)


def _share_as_others(number):
    """Gives a file the rights that ``open`` would have: mkstemp's are the owner's."""
    mask = os.umask(0)
    os.umask(mask)
    os.fchmod(number, 0o666 & ~mask)
