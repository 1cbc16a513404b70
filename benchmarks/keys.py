"""How many keys a second a KeyMap looks up, beside a dictionary and NumPy's own ways

    .venv/bin/python benchmarks/keys.py

One core, 64-bit numbers, 2 ** 20 keys a run in batches; medians of runs in turns, by
the processor's time. Two gathers at random are what any table of hashes does at least.
"""

import argparse
import statistics
import time

import lasagne_sparse  # noqa: F401
import numpy as np
from lasagne_sparse.tables import KeyMap

LENGTH = 1 << 20


def contestants(known):
    """Yields (name, function of a batch)"""
    keys = KeyMap(len(known) + 1)
    for start in range(0, len(known), 1 << 16):
        keys.admit(known[start : start + (1 << 16)])
    order = np.argsort(known)
    rising = known[order]
    table = dict(zip(known.tolist(), range(1, len(known) + 1)))
    mask = (1 << (len(known).bit_length() - 1)) - 1
    rows = np.random.RandomState(0).permutation(mask + 1).astype("int32")

    def by_search(batch):
        places = np.minimum(np.searchsorted(rising, batch), len(rising) - 1)
        return np.where(rising[places] == batch, order[places] + 1, 0)

    yield "KeyMap.lookup", keys.lookup
    yield "KeyMap.admit", keys.admit
    yield "numpy.searchsorted", by_search
    yield "dict", lambda batch: [table.get(key, 0) for key in batch.tolist()]
    yield "two gathers", lambda batch: rows.take(rows.take(batch & mask))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keys", type=int, default=10**6)
    parser.add_argument("--turns", type=int, default=7)
    args = parser.parse_args()
    random = np.random.RandomState(0)
    known = np.unique(random.randint(-(2**62), 2**62, args.keys))
    random.shuffle(known)
    known = known[: args.keys]
    batches = {
        "uniform": known[random.randint(len(known), size=LENGTH)],
        "Zipf": known[np.minimum(random.zipf(1.1, LENGTH), len(known)) - 1],
        "half unknown": np.where(
            random.randint(2, size=LENGTH) == 0,
            known[random.randint(len(known), size=LENGTH)],
            random.randint(2**62, 2**63 - 1, LENGTH),
        ),
    }
    functions = dict(contestants(known))
    keys = KeyMap(len(known) + 1)
    print("%d keys, %.1f bytes each" % (len(known), keys.nbytes / len(known)))
    print("millions of keys a second (batches of 4096 | 65536)")
    for kind, batch in batches.items():
        print(kind)
        taken = {}
        for _ in range(args.turns):
            for name, function in functions.items():
                if name == "KeyMap.admit" and kind == "half unknown":
                    continue  # it would evict
                for size in (4096, 65536):
                    start = time.process_time()
                    for at in range(0, LENGTH, size):
                        function(batch[at : at + size])
                    taken.setdefault((name, size), []).append(
                        LENGTH / (time.process_time() - start) / 1e6
                    )
        for name in dict.fromkeys(name for name, _ in taken):
            rates = [statistics.median(taken[name, size]) for size in (4096, 65536)]
            best = [max(taken[name, size]) for size in (4096, 65536)]
            print("  %-20s %6.1f | %6.1f   best %6.1f | %6.1f" % (name, *rates, *best))


if __name__ == "__main__":
    main()
