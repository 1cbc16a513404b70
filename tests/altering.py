"""Alters files at random, and judges how a reader takes them

    python tests/altering.py --copies 1000

A reader may say FileError, or return something; it may do nothing else: no other
error, no crash, no hang, and no memory beyond what the file's own bytes explain.
"""

import argparse
import os
import random
import tempfile
import time
import tracemalloc

import numpy as np

__all__ = ["altered", "judge", "judge_copies", "vectors_of_all_formats"]

#: How much memory a reader may take for each byte of its files, and beside that: lists
#: of words are Python's, and interpreters have caches.
PER_BYTE, BESIDE = 40, 1 << 21
SECONDS = 20

HUGE = [
    b"99999999999",
    b"18446744073709551616",
    b"-1",
    b"1e308",
    b"nan",
    b"0",
    b"9" * 400,
    b"[" * 3000,
    b"\xff\xfe\x00",
    b"\x93NUMPY",
    b"\x80\x04cposix\nsystem\n(S'exit 1'\ntR.",
]


def altered(data, draw):
    """Returns some bytes with something done to them"""
    data = bytearray(data)
    kind = draw.randrange(8)
    at = draw.randrange(len(data) + 1)
    near = draw.randrange(min(len(data), 200) + 1)
    if kind == 0:  # a few bits
        for _ in range(draw.randint(1, 4)):
            data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    elif kind == 1:  # bytes of the header
        for _ in range(draw.randint(1, 4)):
            data[draw.randrange(min(len(data), 200))] = draw.randrange(256)
    elif kind == 2:
        del data[at:]
    elif kind == 3:
        del data[near : near + draw.randint(1, 40)]
    elif kind == 4:
        data[near:near] = draw.choice(HUGE)
    elif kind == 5:
        huge = draw.choice(HUGE)
        data[near : near + len(huge)] = huge
    elif kind == 6:
        _replace_number(data, draw)
    else:
        data[at : at + draw.randint(1, 100)] = bytes(draw.randint(0, 100))
    return bytes(data)


def _replace_number(data, draw):
    """Puts a huge number in the place of one of the first in a text"""
    starts = [i for i, byte in enumerate(data[:400]) if 48 <= byte <= 57]
    if not starts:
        data[:8] = b"\xff" * 7 + b"\x7f"
        return
    start = stop = draw.choice(starts)
    while stop < len(data) and 48 <= data[stop] <= 57:
        stop += 1
    data[start:stop] = draw.choice(HUGE[:7])


def judge(read, size, error):
    """Calls a reader; returns whether it said its error

    Parameters
    ----------
    read : callable
    size : int
        Of the files that it reads.
    error : type
        The one error that it may raise.
    """
    tracemalloc.start()
    began = time.perf_counter()
    try:
        read()
        raised = False
    except error as found:
        assert str(found)
        raised = True
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert time.perf_counter() - began < SECONDS
    assert peak <= PER_BYTE * size + BESIDE, (peak, size)
    return raised


def judge_copies(path, read, copies, seed, error):
    """Alters a file again and again, and reads it; counts the errors

    The file is as it was at the end.
    """
    draw = random.Random(seed)
    with open(path, "rb") as file:
        data = file.read()
    errors = 0
    try:
        for _ in range(copies):
            copy = altered(data, draw)
            with open(path, "wb") as file:
                file.write(copy)
            errors += judge(read, max(len(copy), len(data)), error)
    finally:
        with open(path, "wb") as file:
            file.write(data)
    return errors


def vectors_of_all_formats(folder):
    """Writes a file of each format; yields (name, path to alter, reader)"""
    from lasagne_sparse.tables import formats

    words = ["the", "of", "wört", "x" * 30] + ["w%d" % k for k in range(30)]
    values = np.random.RandomState(0).normal(size=(len(words), 5)).astype("float32")
    for name in ("word2vec", "word2vec-bin", "glove", "npy", "safetensors"):
        path = os.path.join(folder, name)
        formats.write_vectors(path, words, values, name)
        if name == "safetensors":
            os.unlink(path + ".sha256")  # which would find everything

        def read(path=path, name=name):
            found = formats.read_vectors(path, name)
            assert len(found.words) == len(found.vectors)
            assert np.isfinite(found.vectors).all()

        yield name, path, read
        if name == "npy":
            yield "npy, words", path + ".words", read


def checkpoints(folder):
    """Saves some; yields (name, path to alter, reader)"""
    from lasagne_sparse.tables import KeyMap, checkpoint

    keys = KeyMap(60, "text", admit_after=2, evict="age")
    for step in range(3):
        keys.admit(["w%d" % (k % (7 + step)) for k in range(40)])
        values = dict(keys=keys, random=np.random.RandomState(step), list=[1.5, "a"])
        checkpoint.save(folder, incremental=step > 0, **values)
    names = sorted(os.listdir(folder))
    for name in names:
        yield (
            "checkpoint, %s" % name,
            os.path.join(folder, name),
            lambda: checkpoint.load(
                folder, keys=KeyMap(60, "text", admit_after=2, evict="age")
            ),
        )


def main():
    import lasagne_sparse  # noqa: F401
    from lasagne_sparse.tables import FileError

    parser = argparse.ArgumentParser(description="alters files, and reads them")
    parser.add_argument("--copies", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        others = os.path.join(folder, "checkpoints")
        for name, path, read in [
            *vectors_of_all_formats(folder),
            *checkpoints(others),
        ]:
            read()
            began = time.perf_counter()
            errors = judge_copies(path, read, args.copies, args.seed, FileError)
            print(
                "%-32s %d copies: %d FileErrors, %d read as something, %.1f s"
                % (
                    name,
                    args.copies,
                    errors,
                    args.copies - errors,
                    time.perf_counter() - began,
                )
            )


if __name__ == "__main__":
    main()
