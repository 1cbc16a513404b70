"""The manifest of a checkpoint: what is in it, and where

JSON, followed by a line with the digest of all before it. What is read is taken for
nothing but text: every name, number and length is looked at before it is used, and
lengths against the files that are there, before memory is asked for.
"""

import json
import os
import re
from collections import OrderedDict, namedtuple

import numpy as np

from ..errors import FileError
from ..files import reporting, whole_file
from .blocks import Block, digest

__all__ = ["Delta", "Manifest", "Record", "read_manifest", "write_manifest"]

FORMAT, VERSION = "lasagne_sparse checkpoint", 1
DTYPES = {
    np.dtype(name).newbyteorder("<").str: np.dtype(name).newbyteorder("<")
    for name in (
        "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 "
        "float16 float32 float64 complex64 complex128"
    ).split()
}
_NOT_AS_EXPECTED = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RecursionError,
    OverflowError,
)
_NAME = re.compile(r"[0-9]{8}-[0-9]{5}\.data\Z")
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")

Record = namedtuple("Record", "dtype shape blocks deltas")
Record.__doc__ = """An array: its dtype, shape, blocks (of whole rows), and deltas"""

Delta = namedtuple("Delta", "rows first last index values")
Delta.__doc__ = """Rows written since: how many, the first, the last, and two blocks"""

Manifest = namedtuple("Manifest", "number arrays values files")
Manifest.__doc__ = """Number, records by name, the values, lengths of files by name"""


def write_manifest(path, manifest):
    """Writes a manifest, all of it or nothing

    Parameters
    ----------
    path : str
    manifest : Manifest

    Raises
    ------
    FileError
        If it cannot be written.
    """
    text = json.dumps(
        {
            "format": FORMAT,
            "version": VERSION,
            "number": manifest.number,
            "arrays": {
                name: {
                    "dtype": record.dtype.str,
                    "shape": list(record.shape),
                    "blocks": record.blocks,
                    "deltas": record.deltas,
                }
                for name, record in manifest.arrays.items()
            },
            "values": manifest.values,
            "files": manifest.files,
        },
        separators=(",", ":"),
    ).encode("ascii")
    with whole_file(path) as file:
        file.write(text + b"\n" + digest(text).encode("ascii") + b"\n")


def read_manifest(path):
    """Reads a manifest, and looks at everything in it

    Parameters
    ----------
    path : str

    Returns
    -------
    Manifest

    Raises
    ------
    FileError
        If it is gone, altered, or of a later version; if it names a data file that
        is gone or of another length, or says what cannot be.
    """
    with reporting("read", path), open(path, "rb") as file:
        data = file.read()
    text, _, last = data[:-1].rpartition(b"\n")
    if data[-1:] != b"\n" or last != digest(text).encode("ascii"):
        raise FileError(
            "%s is cut or altered: its last line is not the digest of what is "
            "before it" % path
        )
    try:
        found = json.loads(text.decode("ascii"))
        _expect(isinstance(found, dict), "it holds no object")
        _expect(found.get("format") == FORMAT, "it is no %s" % FORMAT)
        if found.get("version") != VERSION:
            raise FileError(
                "%s is of version %r, and this library reads version %d: install a "
                "newer one" % (path, found.get("version"), VERSION)
            )
        return _manifest(found, os.path.dirname(path))
    except _NOT_AS_EXPECTED as error:
        raise FileError("%s is no manifest: %s" % (path, error)) from error


def _expect(true, message):
    if not true:
        raise ValueError(message)


def _number(value, least=0, most=2**62):
    _expect(
        isinstance(value, int) and not isinstance(value, bool) and least <= value,
        "%.20r is no number from %d on" % (value, least),
    )
    _expect(value <= most, "%s is too large a number" % str(value)[:20])
    return value


def _manifest(found, folder):
    files = OrderedDict()
    for name, length in found["files"].items():
        _expect(_NAME.match(name), "%.80r is no name of a data file" % name)
        path = os.path.join(folder, name)
        with reporting("read", path):
            real = os.stat(path).st_size
        if real != _number(length):
            raise FileError(
                "%s is cut or altered: it is to have %d bytes, and has %d"
                % (path, length, real)
            )
        files[name] = length
    left = [sum(files.values())]
    arrays = OrderedDict(
        (name, _record(record, files, left)) for name, record in found["arrays"].items()
    )
    return Manifest(_number(found["number"]), arrays, found["values"], files)


def _record(found, files, left):
    _expect(found["dtype"] in DTYPES, "unknown dtype %.80r" % (found["dtype"],))
    dtype = DTYPES[found["dtype"]]
    shape = tuple(_number(length) for length in found["shape"])
    _expect(len(shape) <= 32, "an array of %d axes" % len(shape))
    size = dtype.itemsize
    for length in shape:
        size = _number(size * length)
    blocks = [_block(block, files, left) for block in found["blocks"]]
    _expect(
        sum(block.bytes for block in blocks) == size,
        "blocks of %d bytes for an array of %d" % (sum(b.bytes for b in blocks), size),
    )
    row = size // shape[0] if shape and shape[0] else size
    _expect(all(not row or b.bytes % row == 0 for b in blocks), "half a row")
    deltas = [_delta(delta, files, left, shape, row) for delta in found["deltas"]]
    return Record(dtype, shape, blocks, deltas)


def _delta(found, files, left, shape, row):
    rows, first, last, index, values = found
    index, values = _block(index, files, left), _block(values, files, left)
    _expect(shape and 0 < _number(rows) <= shape[0], "%s rows of %s" % (rows, shape))
    _expect(_number(first) <= _number(last) < shape[0], "rows out of range")
    _expect(index.bytes in (4 * rows, 8 * rows), "an index of another length")
    _expect(values.bytes == rows * row, "rows of another length")
    return Delta(rows, first, last, index, values)


def _block(found, files, left):
    file, at, length, text = found
    _expect(file in files, "a block in an unknown file")
    _number(at), _number(length)
    _expect(at + length <= files[file], "a block beyond the end of its file")
    _expect(isinstance(text, str) and _DIGEST.match(text), "no digest")
    # Blocks do not overlap, so that no more memory is asked for than there are bytes.
    left[0] -= length
    _expect(left[0] >= 0, "more blocks than bytes")
    return Block(file, at, length, text)
