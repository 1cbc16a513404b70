"""Kills a program that saves, at random moments, and looks at what is left

    python tests/kills.py --kills 300

A child saves checkpoint after checkpoint and says so after each. It is killed by
SIGKILL, and another one goes on from what is there. After each kill: is the newest
checkpoint at least the last one that was reported, is it whole, and does it hold what
that checkpoint is to hold?
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from without_theano import import_module

ROWS, UNITS, CHANGED = 4000, 32, 40


class Table:
    """A table whose rows at each checkpoint are known"""

    def __init__(self):
        self.values = {
            name: np.random.RandomState(k).normal(size=(ROWS, UNITS)).astype("float32")
            for k, name in enumerate(["W", "W/adam/m", "W/adam/v"])
        }
        self.number = 0

    def go_to(self, number):
        """Makes the steps up to a checkpoint"""
        while self.number < number:
            self.number += 1
            rows = np.random.RandomState(self.number).randint(ROWS, size=CHANGED)
            for value in self.values.values():
                value[rows] += np.float32(self.number)
        return self


def save_on(folder):
    """Saves again and again, from the newest checkpoint on: the child"""
    store = import_module("store")
    there = store.numbers(folder) if os.path.isdir(folder) else []
    table = Table().go_to(there[-1] if there else 0)
    while True:
        table.go_to(table.number + 1)
        number = store.save_arrays(
            folder,
            table.values,
            {"step": table.number},
            keep=2,
            incremental=table.number % 4 != 0,
            shard_bytes=2**20,
        )
        assert number == table.number
        print(number, flush=True)


def child_of(folder):
    """Starts the child"""
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", os.path.abspath(__file__), "--save", folder],
        stdout=subprocess.PIPE,
        universal_newlines=True,
    )


def look_at(folder, reported):
    """Asserts that what was reported is there, and that what is there is whole"""
    store = import_module("store")
    numbers = store.numbers(folder) if os.path.isdir(folder) else []
    assert not reported or numbers and numbers[-1] >= reported, (numbers, reported)
    for number in numbers:
        saved = store.Saved(folder, number)
        arrays = saved.read(saved.manifest.arrays)
        expected = Table().go_to(number).values
        assert saved.manifest.values == {"step": number}
        assert sorted(arrays) == sorted(expected)
        for name, value in expected.items():
            assert arrays[name].tobytes() == value.tobytes(), (number, name)
    return numbers


def run(kills, seed, folder):
    """Kills so often; returns how many checkpoints were saved, and kills while saving

    Moments are drawn from the first save on, in steps of about a save.
    """
    draw, reported, interrupted = random.Random(seed), 0, 0
    for _ in range(kills):
        child = child_of(folder)
        saved = [child.stdout.readline()]  # it has started
        time.sleep(draw.uniform(0, 0.06))
        child.kill()
        saved += child.stdout.read().splitlines()
        child.wait()
        child.stdout.close()
        saved = [int(line) for line in saved if line.strip()]
        assert saved, "the child died by itself"
        reported = max(saved)
        parts = [name for name in os.listdir(folder) if name.endswith(".part")]
        numbers = look_at(folder, reported)
        stale = [n for n in os.listdir(folder) if int(n[:8]) > numbers[-1]]
        interrupted += bool(parts or stale)
    return numbers[-1], interrupted


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.save:
        save_on(args.save)
    folder = tempfile.mkdtemp()
    try:
        saved, interrupted = run(args.kills, args.seed, folder)
    finally:
        shutil.rmtree(folder)
    print(
        "%d kills, %d of them within a save that left parts behind; %d checkpoints "
        "saved, and each that was reported was found whole"
        % (args.kills, interrupted, saved)
    )


if __name__ == "__main__":
    main()
