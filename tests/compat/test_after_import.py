"""Are modules mended before anyone uses them, and no more than was asked for?"""

import importlib
import sys

import pytest
from lasagne_sparse.compat.after_import import after_import, with_edited_source


@pytest.fixture
def module(tmp_path, monkeypatch):
    """The name of a module of one line that nothing has imported"""
    name = "a_module_to_mend"
    (tmp_path / (name + ".py")).write_text("number = 1\nother = number + 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.delitem(sys.modules, name, raising=False)
    yield name
    sys.modules.pop(name, None)


def test_mend_is_made_when_the_module_is_imported(module):
    after_import(module, lambda it: setattr(it, "number", it.other + 5))
    assert module not in sys.modules
    assert importlib.import_module(module).number == 7


def test_module_that_is_there_is_mended_now(module):
    imported = importlib.import_module(module)
    after_import(module, lambda it: setattr(it, "number", 9))
    assert imported.number == 9


def test_mends_are_made_in_turn(module):
    after_import(module, lambda it: setattr(it, "number", it.number * 10))
    after_import(module, lambda it: setattr(it, "number", it.number + 1))
    assert importlib.import_module(module).number == 11


def test_source_is_edited_before_it_runs(module):
    with_edited_source(module, [("number = 1", "number = 2")])
    assert importlib.import_module(module).other == 3


def test_source_and_module_are_both_mended(module):
    with_edited_source(module, [("number = 1", "number = 2")])
    after_import(module, lambda it: setattr(it, "other", -it.other))
    assert importlib.import_module(module).other == -3


def test_file_and_bytecode_stay_as_they_are(module):
    with_edited_source(module, [("number = 1", "number = 2")])
    importlib.import_module(module)
    del sys.modules[module]
    assert importlib.import_module(module).number == 1


def test_source_without_what_is_replaced_is_another_theano(module):
    with_edited_source(module, [("number = 3", "number = 2")])
    with pytest.raises(ImportError, match="does not find 'number = 3'"):
        importlib.import_module(module)


def test_finders_go_when_they_have_found(module):
    before = len(sys.meta_path)
    with_edited_source(module, [("number = 1", "number = 2")])
    assert len(sys.meta_path) == before + 1
    importlib.import_module(module)
    assert len(sys.meta_path) == before
