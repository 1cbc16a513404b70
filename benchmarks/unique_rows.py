"""Which way to find distinct rows is the fastest? (the choice behind UniqueRows)

Times the radix sort of ``lasagne_sparse/ops/indexing/unique_rows.h`` against a hash
table, sorting (``unique_rows.cpp``) and ``numpy.unique``, one thread each. In every
round each way runs once on a fresh batch, so all meet the same machine; printed are
the medians in microseconds. All ways give `rows`, `inverse`, `order` and `offsets`.

Run it with::

    python benchmarks/unique_rows.py [--rounds 50] [--lookups 64 4096 ...]
"""

import argparse
import ctypes
import os
import subprocess
import tempfile
import time

import numpy as np

__all__ = ["draw", "main"]

HERE = os.path.dirname(os.path.abspath(__file__))
HEADERS = os.path.join(HERE, os.pardir, "lasagne_sparse", "ops", "indexing")
WAYS = ("by_radix", "by_hash", "by_sort")


def compile_ways(folder):
    """Compiles the C++ ways; returns the loaded library"""
    library = os.path.join(folder, "unique_rows.so")
    source = os.path.join(HERE, "unique_rows.cpp")
    compiler = os.environ.get("CXX", "g++")
    command = [compiler, "-O3", "-march=native", "-shared", "-fPIC", "-I" + HEADERS]
    subprocess.check_call(command + [source, "-o", library])
    return ctypes.CDLL(library)


def draw(rng, law, num_lookups, num_rows):
    """Draws ``num_lookups`` rows below ``num_rows``, uniform or by Zipf's law"""
    if law == "uniform":
        return rng.randint(0, num_rows, num_lookups)
    drawn = rng.zipf(1.05, 8 * num_lookups + 64)
    drawn = drawn[drawn <= num_rows][:num_lookups] - 1
    # frequent rows lie anywhere in the table, not side by side
    return (drawn * 2654435761) % num_rows


def in_c(library, way, num_lookups):
    """A function that runs one C++ way on rows"""
    function = getattr(library, way)
    function.restype = ctypes.c_int64
    outputs = [np.empty(num_lookups + 1, "int64") for _ in range(4)]

    def run(rows, num_rows):
        return function(
            ctypes.c_void_p(rows.ctypes.data),
            ctypes.c_int64(len(rows)),
            ctypes.c_int64(num_rows),
            *[ctypes.c_void_p(output.ctypes.data) for output in outputs],
        )

    return run


def in_numpy(rows, num_rows):
    """The same by NumPy; returns the number of distinct rows"""
    distinct, inverse, counts = np.unique(rows, return_inverse=True, return_counts=True)
    np.argsort(inverse, kind="stable")
    np.append(0, np.cumsum(counts))
    return len(distinct)


def measure(library, rounds, law, num_lookups, num_rows):
    """The number of distinct rows, and the median time of each way in seconds"""
    rng = np.random.RandomState(num_lookups)
    ways = {way: in_c(library, way, num_lookups) for way in WAYS}
    ways["numpy"] = in_numpy
    times = {way: [] for way in ways}
    names = list(ways)
    for turn in range(rounds):
        rows = draw(rng, law, num_lookups, num_rows)
        found = set()
        # the first one of a round finds cold caches: that is each in its turn
        for k in range(len(names)):
            way = names[(turn + k) % len(names)]
            run = ways[way]
            start = time.perf_counter()
            num_distinct = run(rows, num_rows)
            times[way].append(time.perf_counter() - start)
            found.add(num_distinct)
        assert len(found) == 1, "the ways differ: %s" % (found,)
    return found.pop(), {way: float(np.median(t)) for way, t in times.items()}


def main(rounds=50, lookups=(64, 512, 4096, 32768, 262144, 1000000)):
    """Prints a table of the medians"""
    head = ("law", "lookups", "table rows", "distinct") + WAYS + ("numpy",)
    print("".join("%13s" % word for word in head) + "   (microseconds)")
    with tempfile.TemporaryDirectory() as folder:
        library = compile_ways(folder)
        for law in ("uniform", "zipf"):
            for num_lookups in lookups:
                for num_rows in (10**4, 10**6, 10**7):
                    turns = max(5, min(rounds, 10**7 // num_lookups))
                    distinct, times = measure(
                        library, turns, law, num_lookups, num_rows
                    )
                    facts = "%13s%13d%13d%13d" % (law, num_lookups, num_rows, distinct)
                    print(facts + "".join("%13.1f" % (1e6 * t) for t in times.values()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--lookups", type=int, nargs="+")
    options = vars(parser.parse_args())
    main(**{name: value for name, value in options.items() if value is not None})
