"""Does ``python -m lasagne_sparse warm`` fill the cache with what training needs?"""

import sys

import lasagne_sparse.__main__ as command
import numpy as np
import pytest
import theano
from lasagne_sparse import updates, warm
from theano.gof.cc import get_module_cache

needs_compiler = pytest.mark.skipif(
    not theano.config.cxx, reason="there is no compiler"
)


@pytest.mark.skipif(
    theano.config.device != "cpu", reason="a device's operations have C code only"
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_step_of_the_dtype_starts_at_the_loss_of_two_equal_classes(dtype):
    with theano.change_flags(floatX=dtype, linker="py"):
        loss = warm.step(updates.sgd)
    np.testing.assert_allclose(loss, np.log(2), rtol=0.1)


@needs_compiler
def test_second_call_compiles_nothing(capsys):
    arguments = ["warm", "--rules", "sgd", "--dtypes", theano.config.floatX]
    assert command.main(arguments) == 0
    assert command.main(arguments) == 0
    line, total = capsys.readouterr().out.splitlines()[-2:]
    assert line.split()[:4] == [theano.config.floatX, "sgd", "0", "modules,"]
    assert total == "0 modules compiled into " + theano.config.compiledir


@needs_compiler
def test_training_step_finds_its_modules():
    list(warm.warm(["sgd"], [theano.config.floatX]))
    before = get_module_cache().stats[2]
    warm.step(updates.sgd)
    assert get_module_cache().stats[2] == before


def test_all_rules_and_both_dtypes_are_the_default(monkeypatch):
    asked = []
    monkeypatch.setattr(warm, "warm", lambda *given: asked.append(given) or [])
    monkeypatch.setattr(theano.config, "cxx", theano.config.cxx or "g++")
    assert warm.main([]) == 0
    assert asked == [(updates.rules.__all__, ["float32", "float64"])]


def test_without_a_compiler_says_so(capsys):
    with theano.change_flags(cxx=""):
        assert warm.main([]) == 1
    assert "no C++ compiler" in capsys.readouterr().out


def test_unknown_rule_is_refused(capsys):
    with pytest.raises(SystemExit):
        warm.main(["--rules", "adams"])
    assert "adams" in capsys.readouterr().err


def test_unknown_command_is_refused(capsys):
    assert command.main(["warmer"]) == 2
    assert "warm" in capsys.readouterr().err


def test_no_command_makes_the_report(monkeypatch):
    monkeypatch.setattr(command.report, "main", lambda: sys.maxsize)
    assert command.main([]) == sys.maxsize
