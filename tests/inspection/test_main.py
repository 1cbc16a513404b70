"""Does the report on the stack tell what is there and what is off?"""

import os

import lasagne_sparse
import lasagne_sparse.inspection.report as main
import pytest
import theano
from lasagne_sparse.compat import Mend, Trouble


@pytest.fixture
def step_works(monkeypatch):
    """Spares a test the compilation of a step"""
    monkeypatch.setattr(main, "try_a_step", lambda: ([("a sparse step", "works")], []))


@pytest.fixture
def compiler(tmp_path):
    """Returns a function that puts a shell script in the compiler's place"""

    def replace(text):
        path = tmp_path / "g++"
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)
        return theano.change_flags(cxx=str(path))

    return replace


def whats(troubles):
    return " ".join(trouble.what for trouble in troubles)


def test_report_names_every_part_and_exits_with_zero(capsys):
    assert main.main() == 0
    told = capsys.readouterr().out
    for text in (
        "lasagne_sparse  " + lasagne_sparse.__version__,
        "Theano          1.0.5",
        "Lasagne",
        "NumPy",
        "SciPy",
        "compiler",
        "BLAS            " + theano.config.blas.ldflags,
        "OpenMP          up to ",
        "scan            its loop runs in C",
        "device          " + theano.config.device,
        "pygpu",
        "a sparse step   compiled and right",
    ):
        assert text in told


def test_report_tells_what_was_mended_and_why(monkeypatch, step_works):
    mends = [Mend("the wheel", "it was broken")]
    monkeypatch.setattr(main.compat, "mends", mends)
    lines, _ = main.report()
    first = lines.index("  the wheel")
    assert lines[first + 1] == "    it was broken"


def test_report_tells_what_is_off_and_what_to_do(monkeypatch, step_works):
    troubles = [Trouble("the wheel squeaks", "Oil it.")]
    monkeypatch.setattr(main.compat, "troubles", troubles)
    lines, usable = main.report()
    assert usable
    first = lines.index("  the wheel squeaks")
    assert lines[first + 1] == "    -> Oil it."


class TestCompiler:
    def test_missing_makes_it_unusable(self, step_works):
        with theano.change_flags(cxx=""):
            lines, usable = main.report()
        assert not usable
        assert "  There is no C++ compiler: everything runs in Python" in lines

    def test_broken_makes_it_unusable(self, compiler, step_works, capsys):
        with compiler("echo out of order; exit 1\n"):
            assert main.main() == 1
        told = capsys.readouterr().out
        assert "The compiler builds nothing: out of order" in told
        assert "apt-get install g++" in told

    def test_that_is_not_there_is_off(self):
        with theano.change_flags(cxx="/nowhere/g++"):
            _, troubles = main.compiler()
        assert "/nowhere/g++" in whats(troubles)

    def test_blas_that_does_not_link_is_off(self):
        with theano.change_flags(**{"blas.ldflags": "-lnowhere"}):
            lines, troubles = main.compiler()
        assert ("BLAS", "-lnowhere, does not link") in lines
        assert "nowhere" in whats(troubles)

    def test_without_openmp_is_off(self, compiler):
        with compiler('case "$*" in *-fopenmp*) exit 1;; esac\nexec g++ "$@"\n'):
            lines, troubles = main.compiler()
        assert ("OpenMP", "none") in lines
        assert "updates run on one core" in whats(troubles)

    def test_threads_are_those_that_the_user_allows(self, monkeypatch):
        monkeypatch.setenv("OMP_NUM_THREADS", "7")
        lines, _ = main.compiler()
        assert dict(lines)["OpenMP"].startswith("up to 7 threads")


class TestStep:
    def test_that_raises_makes_it_unusable(self, monkeypatch):
        def fail(*args, **kwargs):
            raise OSError("no space left\nat all")

        monkeypatch.setattr(main.updates, "sgd", fail)
        lines, usable = main.report()
        assert not usable
        assert "  A sparse step raises OSError: no space left" in lines

    def test_that_is_wrong_makes_it_unusable(self, monkeypatch):
        monkeypatch.setattr(
            main.updates,
            "sgd",
            lambda loss, params, learning_rate: [(params[0], params[0] + loss)],
        )
        lines, usable = main.report()
        assert not usable
        assert any("theano-cache purge" in line for line in lines)


def test_paths_are_those_of_the_package():
    where = os.path.dirname(lasagne_sparse.__file__)
    assert dict(main.versions())["lasagne_sparse"].endswith(where)
