"""Is the house as the picture of it says: rooms, one way of imports, short files?"""

import importlib.util
import os
import statistics

import pytest
from tree import PACKAGE, ROOT

_SPEC = importlib.util.spec_from_file_location(
    "house", os.path.join(ROOT, "docs", "development", "house.py")
)
house = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(house)

MODULES = dict(house.modules())
#: Inside of a room of rooms, the same rule holds.
OPS = [
    "c_support",
    "c_code",
    "indexing",
    "sampling",
    "programs",
    "rows",
    "total",
    "gpu",
]


def number_of_lines(path):
    with open(path, encoding="utf-8") as file:
        return len(file.readlines())


def test_every_module_is_in_a_room():
    tops = {name.split(".")[0] for name in MODULES}
    assert tops <= set(house.ROOMS)


@pytest.mark.parametrize("arrow", sorted(house.arrows()), ids=" to ".join)
def test_no_import_runs_backwards(arrow):
    source, target = map(house.ROOMS.index, arrow)
    assert target < source


def test_imports_run_one_way_between_the_ops():
    for name, path in MODULES.items():
        parts = name.split(".")
        if parts[0] != "ops" or parts[1] not in OPS:
            continue
        for other in house.imports(name, path):
            target = other.split(".")
            if target[0] == "ops" and len(target) > 1 and target[1] in OPS:
                assert OPS.index(target[1]) <= OPS.index(parts[1]), (name, other)


@pytest.mark.parametrize("room", ["layers", "updates", "sparsity", "state", "graph"])
def test_symbolic_half_knows_nothing_of_c_threads_or_devices(room):
    """Of the Ops it knows that of distinct rows alone"""
    for name, path in MODULES.items():
        if name.split(".")[0] == room:
            for other in house.imports(name, path):
                assert not other.startswith("rewrites"), name
                known = ("ops.UniqueRows", "ops.unique_rows")
                assert not other.startswith("ops") or other in known, (name, other)


def test_picture_is_up_to_date():
    """If not: python docs/development/house.py"""
    with open(house.PICTURE, encoding="utf-8") as file:
        assert file.read() == house.drawn()


def test_files_of_the_package_are_short():
    lengths = {name: number_of_lines(path) for name, path in MODULES.items()}
    assert {n: k for n, k in lengths.items() if k > 400} == {}
    assert statistics.median(lengths.values()) <= 170


def test_files_of_the_tests_are_short():
    found = {}
    for folder, _, files in os.walk(os.path.join(ROOT, "tests")):
        for file in files:
            if file.endswith(".py"):
                path = os.path.join(folder, file)
                found[os.path.relpath(path, ROOT)] = number_of_lines(path)
    assert {path: k for path, k in found.items() if k > 450} == {}


def test_former_paths_lead_to_the_rooms():
    import lasagne_sparse.explain
    from lasagne_sparse.former_paths import FORMER_PATHS

    for before, now in FORMER_PATHS.items():
        former = importlib.import_module("lasagne_sparse." + before)
        assert former is importlib.import_module("lasagne_sparse." + now)
        path = os.path.join(PACKAGE, *now.split("."))
        assert os.path.exists(path + ".py") or os.path.isdir(path)
    assert callable(lasagne_sparse.explain)
