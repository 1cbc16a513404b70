"""Does each named rule say whole what it does, and take what Lasagne's takes?"""

import ast
import importlib
import inspect
import pickle
import re

import lasagne
import numpy as np
import pytest
import theano
from lasagne_sparse import updates
from lasagne_sparse.updates import dense, rules, wrappers
from toy import EVERY_RULE

__all__ = []

SECTIONS = ["Parameters", "Returns", "Raises", "Warns", "References", "Examples"]


def parameters(function):
    """Names and defaults of a function's parameters"""
    signature = inspect.signature(function)
    return [(p.name, p.default) for p in signature.parameters.values()]


def docstring_in_file(function):
    """The docstring of a function as it stands in its file, without its indentation"""
    tree = ast.parse(inspect.getsource(inspect.unwrap(function)))
    return ast.get_docstring(tree.body[0])


@pytest.mark.parametrize("name", EVERY_RULE)
def test_signature_is_that_of_the_dense_rule(name):
    rule = getattr(updates, name)
    assert parameters(rule) == parameters(rule.dense)


@pytest.mark.parametrize("name", EVERY_RULE)
def test_docstring_stands_whole_in_the_file_of_the_rule(name):
    rule = getattr(updates, name)
    assert rule.__module__ == "lasagne_sparse.updates." + name
    text = inspect.getdoc(rule)
    assert text == docstring_in_file(rule)
    assert re.search(r"^\* ``param := param ", text, re.MULTILINE)
    for section in SECTIONS:
        assert "\n%s\n%s\n" % (section, "-" * len(section)) in text, section
    assert "import %s\n" % name in text


@pytest.mark.parametrize("name", EVERY_RULE)
def test_docstring_names_each_state(name):
    W = theano.shared(np.ones((3, 2)), "W")
    changes = getattr(updates, name)(W[[1]].sum(), [W], learning_rate=0.1)
    slots = [shared.name.split("/")[-1] for shared in changes if shared is not W]
    for slot in slots:
        assert "* ``%s := " % slot in getattr(updates, name).__doc__


@pytest.mark.parametrize("name", ["adamax", "amsgrad"])
def test_lasagnes_own_rule_is_taken_where_it_has_one(name):
    expected = getattr(lasagne.updates, name, getattr(dense, name))
    assert getattr(updates, name).dense is expected


def test_arguments_are_handed_on_by_position_and_by_name():
    W = theano.shared(np.ones((3, 2)), "W")
    for changes in (
        updates.momentum(W[[1]].sum(), [W], 0.5, 0.25),
        updates.momentum(W[[1]].sum(), momentum=0.25, params=[W], learning_rate=0.5),
    ):
        W.set_value(np.ones((3, 2)))
        step = theano.function([], updates=changes, mode="FAST_COMPILE")
        step(), step()
        # steps of 0.5 and 0.5 + 0.25 * 0.5
        assert W.get_value()[:, 0].tolist() == [1, -0.125, 1]


def test_unknown_argument_raises():
    W = theano.shared(np.ones((3, 2)), "W")
    with pytest.raises(TypeError, match="unexpected keyword argument 'rate'"):
        updates.adam(W[[1]].sum(), [W], rate=0.5)


def test_former_paths_lead_to_the_rules():
    assert sorted(rules.__all__) == sorted(EVERY_RULE)
    for name in EVERY_RULE:
        assert getattr(rules, name) is getattr(updates, name)
    for name in wrappers.__all__:
        assert getattr(wrappers, name) is getattr(updates, name)
    for name in dense.__all__:
        assert callable(getattr(dense, name))


@pytest.mark.parametrize("name", EVERY_RULE)
def test_rules_are_pickled_by_name(name):
    rule = getattr(updates, name)
    assert pickle.loads(pickle.dumps(rule)) is rule
    # As it was written before each had a file.
    former = "clasagne_sparse.updates.rules\n%s\n." % name
    assert pickle.loads(former.encode()) is rule
    assert importlib.import_module("lasagne_sparse.updates." + name)
