"""How fast checkpoints are saved and loaded, beside dd, and how much is written

    .venv/bin/python benchmarks/checkpoints.py --megabytes 1024

A table with Adam's two states, in a folder of this disk. dd writes as many bytes, with
an fsync at the end, and reads them, in turns with us; both are read from the disk and
not from memory, if the system lets its cache be dropped.
"""

import argparse
import contextlib
import os
import shutil
import statistics
import subprocess
import tempfile
import time

import lasagne_sparse  # noqa: F401
import numpy as np
import theano
from lasagne_sparse.tables import checkpoint
from lasagne_sparse.updates import adam

UNITS = 128


def used():
    """Seconds of the processors so far, those of children included"""
    return sum(os.times()[:4])


def seconds(function):
    """Returns how long a call takes, by the clock and by the processors"""
    start, before = time.perf_counter(), used()
    function()
    return time.perf_counter() - start, used() - before


def drop_cache():
    """Lets the next read come from the disk; root only"""
    os.sync()
    with contextlib.suppress(OSError), open("/proc/sys/vm/drop_caches", "w") as file:
        file.write("1")


def dd(*args):
    subprocess.run(["dd", *args], stderr=subprocess.DEVNULL, check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument("--turns", type=int, default=3)
    args = parser.parse_args()
    rows = args.megabytes * 2**20 // (3 * 4 * UNITS)
    random = np.random.RandomState(0)
    value = random.normal(size=(rows, UNITS)).astype("float32")
    W = theano.shared(value, "W", borrow=True)
    updates = adam(W[[1]].sum(), [W])
    for state in updates:
        if state.ndim and state is not W:
            state.set_value(value + 1)
    folder = tempfile.mkdtemp(dir=".")
    try:
        measure(args, folder, W, updates, rows, random)
    finally:
        shutil.rmtree(folder)


def measure(args, folder, W, updates, rows, random):
    taken = {}
    total = 3 * rows * UNITS * 4
    plain, place = os.path.join(folder, "plain"), os.path.join(folder, "saved")
    count = "count=%d" % (total // 2**20)
    for _ in range(args.turns):
        for name, function in {
            "dd writes": lambda: dd(
                "if=/dev/zero", "of=" + plain, "bs=1M", count, "conv=fsync"
            ),
            "save": lambda: checkpoint.save(place, updates),
            "dd reads": lambda: dd("if=" + plain, "of=/dev/null", "bs=1M"),
            "load": lambda: checkpoint.load(place, updates),
        }.items():
            drop_cache()
            taken.setdefault(name, []).append(seconds(function))
        os.unlink(plain)
    print("%d MB" % (total / 1e6))
    for name, times in taken.items():
        clock, processors = (statistics.median(t) for t in zip(*times))
        print(
            "  %-10s %6.0f MB/s, %.2f s of the processors"
            % (name, total / 1e6 / clock, processors)
        )
    for ours, theirs in [("save", "dd writes"), ("load", "dd reads")]:
        shares = [b[0] / a[0] for a, b in zip(taken[ours], taken[theirs])]
        print("  %s: %.0f%% of dd" % (ours, 100 * statistics.median(shares)))
    changed = np.unique(random.randint(rows, size=rows // 50))
    for state in updates:
        if state.ndim:
            value = state.get_value(borrow=True)
            value[changed] += 1
            state.set_value(value, borrow=True)
    spent, _ = seconds(lambda: checkpoint.save(place, updates, incremental=True))
    newest = "%08d" % checkpoint.numbers(place)[-1]
    written = sum(
        os.path.getsize(os.path.join(place, n))
        for n in os.listdir(place)
        if n.startswith(newest)
    )
    print(
        "  incremental, %d rows: %.1f MB in %.2f s, %.3f times the rows' own bytes"
        % (
            len(changed),
            written / 1e6,
            spent,
            written / (3 * len(changed) * UNITS * 4),
        )
    )


if __name__ == "__main__":
    main()
