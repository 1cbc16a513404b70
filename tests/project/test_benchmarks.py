"""Is the benchmark's machinery right? What it measures is not tested here."""

import importlib
import os
import sys

import numpy as np
import pytest

__all__ = []

from tree import ROOT

FOLDER = os.path.join(ROOT, "benchmarks")

# Instant answers, so that only the machinery takes time. 'slow' sleeps.
TOYS = """
import time
from worker import Absent


def fails():
    raise ValueError("broken on purpose")


def absent():
    raise Absent("not to be had")


CONTESTANTS = {
    "quick": lambda: lambda number: time.sleep(0.001),
    "slow": lambda: lambda number: time.sleep(0.004),
    "clocked": lambda: (lambda number: None, lambda: 0.5),
    "fails": fails,
    "absent": absent,
}
"""


@pytest.fixture(scope="module", autouse=True)
def modules_of_the_benchmark():
    """Lets the tests import what lies in benchmarks/"""
    sys.path.insert(0, FOLDER)
    yield
    sys.path.remove(FOLDER)


@pytest.fixture(scope="module")
def toy_results(tmp_path_factory):
    """What `turns.take_turns` says about toy contestants"""
    turns = importlib.import_module("turns")
    scratch = str(tmp_path_factory.mktemp("turns"))
    with open(os.path.join(scratch, "toys.py"), "w", encoding="utf-8") as file:
        file.write(TOYS)
    names = ("quick", "slow", "clocked", "fails", "absent")
    contestants = [
        turns.Contestant(
            name, sys.executable, "toys", name, {}, {"PYTHONPATH": scratch}
        )
        for name in names
    ]
    return turns.take_turns(contestants, scratch, rounds=2, seconds=0.02, warm=2)


def make_workload(**changes):
    fields = dict(
        kind="table",
        rule="adam",
        num_rows=10**6,
        num_units=8,
        num_lookups=512,
        distribution="zipf",
        threads=1,
    )
    return importlib.import_module("workloads").Workload(**dict(fields, **changes))


def draw(**changes):
    workloads = importlib.import_module("workloads")
    return workloads.draw_batches(make_workload(**changes), num_batches=3)


@pytest.mark.parametrize("distribution", ["zipf", "uniform", "spread"])
@pytest.mark.parametrize("num_rows", [50, 10**6])
def test_batches_are_in_range_and_the_same_each_time(distribution, num_rows):
    batches = draw(distribution=distribution, num_rows=num_rows)
    assert batches.shape == (3, 512)
    assert batches.dtype == np.int64
    assert 0 <= batches.min() <= batches.max() < num_rows
    np.testing.assert_array_equal(
        batches, draw(distribution=distribution, num_rows=num_rows)
    )


def test_spread_batches_have_as_many_distinct_rows_in_every_table():
    counts = [
        [len(np.unique(batch)) for batch in draw(distribution="spread", num_rows=size)]
        for size in (10**4, 10**6, 10**7)
    ]
    assert counts[0] == counts[1] == counts[2]


def test_unknown_distribution_is_an_error_that_names_it():
    with pytest.raises(ValueError, match="'zipf', 'uniform' or 'spread', got 'flat'"):
        draw(distribution="flat")


def test_slow_contestant_is_slower_by_the_ratio(toy_results):
    ratio = importlib.import_module("report").ratio
    assert 1.2 < ratio(toy_results["slow"], toy_results["quick"]) < 20


def test_contestant_with_a_clock_is_timed_by_it(toy_results):
    assert toy_results["clocked"]["median_ms"] == 500


def test_contestant_that_fails_is_reported_and_stops_no_other(toy_results):
    assert toy_results["fails"] == {
        "absent": "failed: ValueError: broken on purpose",
        "failed": True,
    }


def test_absent_contestant_says_why(toy_results):
    assert toy_results["absent"] == {"absent": "not to be had"}


def test_waiting_contestants_use_no_processor_time(toy_results):
    assert toy_results["quick"]["idle_processor_share"] < 0.2


def test_axes_that_the_user_names_are_multiplied():
    choose = importlib.import_module("cases").choose
    chosen = choose("step", {"rule": ["sgd", "adam"], "num_units": [32, 300]})
    assert [(one.rule, one.num_units) for one in chosen] == [
        ("sgd", 32),
        ("sgd", 300),
        ("adam", 32),
        ("adam", 300),
    ]


def test_default_workloads_walk_each_axis_from_the_base():
    cases = importlib.import_module("cases")
    chosen = cases.choose("table", {})
    assert len(set(chosen)) == len(chosen)
    assert {one.rule for one in chosen} == set(cases.RULES)
    away = [
        (one.num_rows != 10**6)
        + (one.num_units != 128)
        + (one.distribution != "zipf")
        + (one.threads != 2)
        for one in chosen
    ]
    assert max(away) == 1


def test_groups_of_the_loop_in_c_are_by_first_appearance():
    pytest.importorskip("theano")
    group = importlib.import_module("contestants_roofline").group
    rows, lookups, offsets = group(np.array([7, 2, 7, 9, 2, 7]))
    assert rows.tolist() == [7, 2, 9]
    assert lookups.tolist() == [0, 2, 5, 1, 4, 3]
    assert offsets.tolist() == [0, 3, 5, 6]


def test_readme_table_goes_between_its_marks():
    readme_table = importlib.import_module("readme_table")
    text = "head\n%s\nold\n%s\ntail\n" % (readme_table.BEGINS, readme_table.ENDS)
    assert readme_table.replace(text, "new") == (
        "head\n%s\n\nnew\n\n%s\ntail\n" % (readme_table.BEGINS, readme_table.ENDS)
    )


def results():
    """The committed results, and the text that the README should have of them"""
    readme_table = importlib.import_module("readme_table")
    document = readme_table.read(os.path.join(FOLDER, "results", "results.json"))
    return document, readme_table.render(document)


def test_readme_has_the_figures_of_the_results():
    path = os.path.join(os.path.dirname(FOLDER), "README.rst")
    with open(path, encoding="utf-8") as file:
        assert results()[1] in file.read(), "run benchmarks/readme_table.py"


def test_every_peer_of_a_table_and_a_step_has_a_place_in_the_readme():
    readme_table = importlib.import_module("readme_table")
    labels = {label for _, labels in readme_table.PEERS for label in labels}
    for rule, part in readme_table.COLUMNS:
        assert set(readme_table.at_base(results()[0], part, rule)) <= labels


def test_who_is_faster_than_ours_is_told():
    readme_table = importlib.import_module("readme_table")
    summaries = {
        label: {"median_ms": ms, "round_medians_ms": [ms]}
        for label, ms in (("ours", 2.0), ("quick", 1.0), ("slow", 3.0))
    }
    document = {
        "results": [
            dict(readme_table.BASE, part=part, rule=rule, contestants=summaries)
            for rule, part in readme_table.COLUMNS
        ]
    }
    text = " ".join(readme_table.ahead(document))
    assert "quick (sgd, table: 0.5×)" in text and "slow" not in text


def test_readme_without_marks_is_an_error_that_names_them():
    readme_table = importlib.import_module("readme_table")
    with pytest.raises(ValueError, match="performance table begins"):
        readme_table.replace("no marks here", "new")


@pytest.mark.parametrize("layer", ["RecurrentLayer", "GRULayer", "LSTMLayer"])
def test_our_rewrites_take_a_small_share_of_an_unrolled_layers_compile(layer):
    """Less than 15%; about 2% in truth, without a compiler"""
    compile_share = importlib.import_module("compile_share")
    total, seconds = compile_share.compile_time(layer, 10)
    assert {"orderings", "lasagne_sparse_fuse_row_updates"} <= set(seconds)
    assert sum(seconds.values()) < 0.15 * total, seconds
