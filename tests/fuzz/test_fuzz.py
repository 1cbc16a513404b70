"""Random programs of a few seeds, and whether the fuzzer finds planted bugs"""

import importlib
import json

import lasagne
import lasagne_sparse.updates
import numpy as np
import pytest
from fuzz.__main__ import main
from fuzz.describing import described
from fuzz.drawing import draw
from fuzz.judging import PASSED, SKIPPED, Failure, judge
from fuzz.lookups import KINDS
from fuzz.minimising import minimised
from lasagne_sparse.ops import Gather
from lasagne_sparse.ops.rows.row_update import RowUpdate

pytestmark = pytest.mark.filterwarnings("ignore")

# Of 5,000 programs and more, make fuzz: these are the ones of every run.
PROGRAMS, A_TEST = 120, 20


@pytest.mark.parametrize("start", range(0, PROGRAMS, A_TEST))
def test_random_programs(start, host_only):
    for seed in range(start, start + A_TEST):
        program = draw(seed)
        found = judge(program)
        assert not isinstance(found, Failure), (
            "%s\n%s: python -m fuzz --seed %d --examples 1 minimises it"
            % (described(program), found, seed)
        )


def test_program_is_drawn_from_its_seed_alone():
    assert draw(5) == draw(5) != draw(6)


def test_program_survives_json():
    for seed in range(50):
        program = draw(seed)
        assert json.loads(json.dumps(program)) == program


def test_every_kind_of_lookup_is_drawn():
    kinds = {
        lookup["kind"]
        for seed in range(400)
        for function in draw(seed)["functions"]
        for term in function.get("terms", [])
        for lookup in term["lookups"]
    }
    assert kinds == set(KINDS)


def test_most_programs_run_without_the_library(host_only):
    skipped = sum(judge(draw(seed)) is not PASSED for seed in range(20))
    assert skipped <= 4


def _lookup(kind, *at):
    return {"table": "A", "kind": kind, "at": list(at)}


def a_program():
    """Two lookups of one table, a constant one among them, under momentum"""
    terms = [
        {
            "lookups": [lookup],
            "function": "square",
            "combine": "product",
            "weight": 0.5,
            "dense": None,
        }
        for lookup in (_lookup("vector", "i"), _lookup("constants", [1, -1]))
    ]
    function = {
        "terms": terms,
        "params": ["A"],
        "gradients": ["scale"],
        "rule": {"name": "momentum", "kwargs": {"learning_rate": 0.1}},
        "edits": [{"table": "A", "kind": "clip", "row": 0}],
    }
    return {
        "seed": 1,
        "floatX": "float64",
        "tables": {"A": {"shape": [6, 2], "fixed": [False] * 2, "dtype": "float64"}},
        "dense": {},
        "inputs": {"i": {"dtype": "int32", "ndim": 1, "group": 0}},
        "functions": [function],
        "steps": [
            {"function": 0, "batch": {"i": [0, 3]}},
            {"function": 0, "batch": {"i": [4, 4, 0]}},
        ],
    }


def test_program_passes_that_has_no_bug(host_only):
    assert judge(a_program()) is PASSED


def _first_failure(seeds):
    for seed in seeds:
        found = judge(draw(seed))
        if isinstance(found, Failure):
            return draw(seed), found
    raise AssertionError("no program of %s fails" % (seeds,))


def _size(program):
    """Counts the pieces of a program"""
    terms = [t for f in program["functions"] for t in f["terms"]]
    return {
        "tables": len(program["tables"]),
        "lookups": sum(len(term["lookups"]) for term in terms),
        "steps": len(program["steps"]),
        "indices": sum(
            np.size(numbers)
            for step in program["steps"]
            for numbers in step["batch"].values()
        ),
    }


def test_planted_bug_of_a_rewrite_is_found_and_minimised(monkeypatch, host_only):
    right = Gather.perform

    def without_the_last_row(self, node, inputs, outputs, name):
        table, indices = inputs
        indices = np.asarray(np.minimum(indices, len(table) - 2), indices.dtype)
        right(self, node, [table, indices], outputs, name)

    monkeypatch.setattr(Gather, "perform", without_the_last_row)
    program, found = _first_failure(range(30))
    assert found.stage == "rewrites"
    program, found = minimised(program, found)
    assert found[:2] == ("rewrites", "numbers")
    size = _size(program)
    assert size.pop("indices") <= 3  # one of each axis of a table
    assert size == {"tables": 1, "lookups": 1, "steps": 1}
    monkeypatch.undo()
    assert judge(program) is PASSED


def test_planted_bug_of_the_symbolic_half_is_found_and_minimised(
    monkeypatch, host_only
):
    def of_one_lookup_only(scatters):
        return scatters[:1]

    # The package has a function of the module's name.
    coalesce = importlib.import_module("lasagne_sparse.sparsity.coalesce")
    monkeypatch.setattr(coalesce, "_merged", of_one_lookup_only)
    program, found = _first_failure(range(30))
    assert found.stage == "lazy"
    program, found = minimised(program, found)
    assert found[:2] == ("lazy", "numbers")
    size = _size(program)
    assert size.pop("indices") <= 3  # one of each axis of a table
    assert size.pop("lookups") <= 2
    assert size == {"tables": 1, "steps": 1}
    monkeypatch.undo()
    assert judge(program) is PASSED


def test_planted_exception_of_a_rewrite_is_found(monkeypatch, host_only):
    def raises(self, node, inputs, outputs):
        raise ValueError("planted")

    monkeypatch.setattr(RowUpdate, "perform", raises)
    found = judge(a_program())
    assert found[:2] == ("rewrites", "ValueError")
    assert "planted" in found.text


def test_dense_update_without_a_warning_is_found(monkeypatch, host_only):
    program = a_program()
    del program["functions"][0]["edits"]
    monkeypatch.setattr(lasagne_sparse.updates, "momentum", lasagne.updates.momentum)
    assert judge(program)[:2] == ("lazy", "numbers")


def test_program_that_lasagne_does_not_run_either_is_skipped(host_only):
    program = a_program()
    program["functions"][0]["params"] = []
    program["functions"][0]["rule"] = {"name": "sgd", "kwargs": {}}
    assert judge(program) is SKIPPED


def test_description_reads_like_a_program():
    assert described(a_program()).splitlines() == [
        "seed 1, floatX=float64",
        "A: float64 [6, 2]",
        "i: vector of int32",
        "function 0:",
        "    loss = 0.5 * sum(square(A[i])) + 0.5 * sum(square(A[[1, -1]]))",
        "    params = [A]",
        "    gradients given, 0.5 * g",
        "    momentum(learning_rate=0.1)",
        "    updates[A] = T.clip(updates[A], -0.9, 0.9)",
        "function 0 called with i=[0, 3]",
        "function 0 called with i=[4, 4, 0]",
    ]


def test_command_counts_what_passes(capsys, host_only):
    assert main(["--examples", "3", "--seed", "2", "--quiet"]) == 0
    assert "3 programs passed, 0 failed" in capsys.readouterr().out


def test_command_prints_what_fails(monkeypatch, capsys, host_only):
    monkeypatch.setattr(lasagne_sparse.updates, "momentum", lasagne.updates.momentum)
    text = json.dumps(a_program())
    assert main(["--program", text, "--quiet"]) == 1
    printed = capsys.readouterr().out
    assert "FAILED (lazy, numbers)" in printed
    assert "0 programs passed, 1 failed" in printed
