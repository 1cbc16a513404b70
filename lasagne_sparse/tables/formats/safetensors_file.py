"""Arrays by name in the format of safetensors, by the package of that name

The format has no digest: one is written into a file beside it, as ``sha256sum -c``
takes it, and is looked at if it is there. The file is written beside its place first,
whatever the package itself would do.
"""

import os
import re

import numpy as np

from ..errors import FileError
from ..files import reporting, whole_file
from ..store.blocks import digest

__all__ = ["read_safetensors", "write_safetensors"]

_LINE = re.compile(r"([0-9a-f]{64})  ([^\n]+)\n?\Z")


def _package():
    try:
        import safetensors.numpy
    except ImportError as error:
        raise ImportError(
            "this needs the package safetensors: pip install safetensors"
        ) from error
    return safetensors.numpy


def write_safetensors(path, arrays, metadata=None):
    """Writes arrays, and their digest into ``path + '.sha256'``

    Parameters
    ----------
    path : str
    arrays : dict from str to numpy.ndarray or shared variables
    metadata : dict from str to str, optional

    Raises
    ------
    FileError
        If it cannot be written; what was there is as it was.
    ImportError
        If the package safetensors is not installed.

    Notes
    -----
    The digest is written after the file. In between the old digest is gone, so that
    it never stands beside a file that is not its own.
    """
    package = _package()
    values = {
        name: np.ascontiguousarray(a.get_value() if hasattr(a, "get_value") else a)
        for name, a in arrays.items()
    }
    data = package.save(values, metadata)
    beside = path + ".sha256"
    with whole_file(path) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
        with reporting("write", beside):
            if os.path.exists(beside):
                os.unlink(beside)
    with whole_file(beside, text=True) as file:
        file.write("%s  %s\n" % (digest(data), os.path.basename(path)))


def read_safetensors(path):
    """Reads arrays

    Parameters
    ----------
    path : str

    Returns
    -------
    dict from str to numpy.ndarray

    Raises
    ------
    FileError
        If it is not of this format, cut, or altered: not what the digest beside it
        is of, where there is one.
    ImportError
        If the package safetensors is not installed.
    """
    package = _package()
    with reporting("read", path), open(path, "rb") as file:
        data = file.read()
    _look_at_digest(path, data)
    try:
        return dict(package.load(data))
    except BaseException as error:  # a panic of the package's is no Exception
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise
        raise FileError(
            "%s is not in the format of safetensors: %s" % (path, error)
        ) from error


def _look_at_digest(path, data):
    try:
        with open(path + ".sha256", "rb") as file:
            line = file.read(1 << 16)
    except FileNotFoundError:
        return
    found = _LINE.match(line.decode("utf-8", "replace"))
    if found is None:
        raise FileError("%s.sha256 is no digest" % path)
    if found.group(1) != digest(data):
        raise FileError(
            "%s is altered, or its digest is of another file: it is not the one in "
            "%s.sha256" % (path, os.path.basename(path))
        )
