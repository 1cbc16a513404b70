"""Does each shared variable that a rule makes say whose it is, and what?"""

import functools
import gc
import pickle
import weakref
from collections import OrderedDict

import lasagne
import lasagne_sparse
import numpy as np
import pytest
import theano
import theano.tensor as T
from lasagne_sparse import updates
from lasagne_sparse.graph import evaluate
from lasagne_sparse.state import Slot, named_states, owners, slot_of
from toy import EVERY_RULE, new_table

__all__ = []

#: What each rule keeps of a table, in the order of its updates, and of itself.
KEPT = {
    "sgd": ([], []),
    "momentum": (["velocity"], []),
    "nesterov_momentum": (["velocity"], []),
    "adagrad": (["accu"], []),
    "rmsprop": (["accu"], []),
    "adadelta": (["accu", "delta_accu"], []),
    "adam": (["m", "v"], ["t"]),
    "adamax": (["m", "u"], ["t"]),
    "amsgrad": (["m", "v", "v_hat"], ["t"]),
    "rowwise_adagrad": (["accu"], []),
}


def two_params():
    """A table that is looked up, a vector that is not, and a loss of both"""
    W, b = new_table(name="words.W"), new_table((3,), "b")
    return W, b, T.sum(T.sqr(W[[1, 2, 1]] * b))


def names(changes):
    return [shared.name for shared in changes]


def accumulator(param, **kwargs):
    return theano.shared(np.zeros_like(param.get_value()), **kwargs)


def own_rule(loss_or_grads, params, rate=0.5):
    """A third party's rule: two accumulators of a table, and two numbers"""
    gradients = lasagne.updates.get_or_compute_grads(loss_or_grads, params)
    count, decay = (theano.shared(lasagne.utils.floatX(0)) for _ in range(2))
    changes = OrderedDict([(decay, decay * 0.5)])
    for param, g in zip(params, gradients):
        first, second = accumulator(param), accumulator(param)
        changes[second] = second + g * g
        changes[first] = 0.9 * first + g * decay
        changes[param] = param - rate * first / T.sqrt(changes[second] + count)
    changes[count] = count + 1
    return changes


@pytest.mark.parametrize("rule", EVERY_RULE)
def test_states_of_every_rule_are_named(rule):
    W, b, loss = two_params()
    changes = getattr(updates, rule)(loss, [W, b], learning_rate=0.1)
    slots, scalars = KEPT[rule]
    expected = {"%s/%s/%s" % (t, rule, s) for t in ("words.W", "b") for s in slots}
    expected |= {"%s/%s" % (rule, s) for s in scalars} | {"words.W", "b"}
    assert set(names(changes)) == expected
    for table in (W, b):
        found = [
            slot_of(s) for s in changes if slot_of(s) and slot_of(s).table is table
        ]
        assert found == [Slot(rule, table, slot, 0, 1) for slot in slots]
    found = [slot_of(s) for s in changes if slot_of(s) and slot_of(s).table is None]
    assert found == [Slot(rule, None, slot, None, 1) for slot in scalars]


def test_names_fit_what_the_states_hold():
    """Not in name alone: `m` is the first moment, `v` the second, by their values"""
    W, b, loss = two_params()
    gradient = np.asarray(theano.grad(loss, W).eval())
    changes = updates.amsgrad(loss, [W, b])
    states = named_states(changes)
    m, v = (states["words.W/amsgrad/" + slot] for slot in "mv")
    values = theano.function([], [changes[m], changes[v]], mode="FAST_COMPILE")()
    np.testing.assert_allclose(values[0], 0.1 * gradient, rtol=1e-4)
    np.testing.assert_allclose(values[1], 0.001 * gradient**2, rtol=1e-3)


@pytest.mark.parametrize("rule", ["adam", "momentum", "adadelta"])
def test_lasagnes_rules_made_sparse_by_the_user_are_known(rule):
    theirs = updates.sparse(getattr(lasagne.updates, rule))
    W, V = new_table(), new_table()
    changes = theirs(T.sum(W[[1]]), [W], learning_rate=0.1)
    ours = getattr(updates, rule)(T.sum(V[[1]]), [V], learning_rate=0.1)
    assert names(changes) == names(ours)


def test_states_of_a_third_partys_rule_are_numbered_in_order_of_creation():
    W, b, loss = two_params()
    changes = updates.sparse(own_rule)(loss, [W, b])
    assert names(changes) == [
        "own_rule/1",  # `decay` was made after `count`
        "words.W/own_rule/1",
        "words.W/own_rule/0",
        "words.W",
        "b/own_rule/1",
        "b/own_rule/0",
        "b",
        "own_rule/0",
    ]


def test_state_of_one_parameter_alone_belongs_to_it_and_numbers_to_the_rule():
    W, _, _ = two_params()
    changes = updates.sparse(own_rule)(T.sum(W[[1]]), [W])
    tables = {s.name: slot_of(s).table for s in changes if slot_of(s)}
    assert tables == {
        "own_rule/0": None,
        "own_rule/1": None,
        "words.W/own_rule/0": W,
        "words.W/own_rule/1": W,
    }


def test_rule_that_mixes_all_gradients_in_a_norm_has_states_of_tables():
    def normed(gradients, params):
        norm = T.sqrt(sum(T.sum(g * g) for g in gradients))
        gradients = [g / (1 + norm) for g in gradients]
        changes = lasagne.updates.adagrad(gradients, params)
        total = theano.shared(lasagne.utils.floatX(0))
        changes[total] = total + norm
        return changes

    W, b, loss = two_params()
    changes = updates.sparse(normed)(loss, [W, b])
    expected = ["words.W/normed/0", "words.W", "b/normed/0", "b", "normed/0"]
    assert names(changes) == expected


def test_number_for_each_table_belongs_to_the_table():
    """One that its own gradient makes, and its own update alone reads"""

    def scaled(gradients, params):
        changes = OrderedDict()
        for param, g in zip(params, gradients):
            size = theano.shared(lasagne.utils.floatX(0))
            changes[size] = 0.9 * size + 0.1 * T.sum(g * g)
            changes[param] = param - 0.1 * g / (1 + changes[size])
        return changes

    W, b, loss = two_params()
    changes = updates.sparse(scaled)(loss, [W, b])
    assert names(changes) == ["words.W/scaled/0", "words.W", "b/scaled/0", "b"]
    assert slot_of(next(iter(changes))).axis is None


def test_state_that_no_update_reads_belongs_to_the_table_it_is_made_of():
    def averaged(gradients, params):
        changes = lasagne.updates.sgd(gradients, params, 0.1)
        for param in params:
            mean = accumulator(param)
            changes[mean] = 0.9 * mean + 0.1 * changes[param]
        return changes

    W, b, loss = two_params()
    changes = updates.sparse(averaged)(loss, [W, b])
    assert names(changes) == ["words.W", "b", "words.W/averaged/0", "b/averaged/0"]


def test_axis_is_that_of_the_columns_where_these_are_looked_up():
    W = new_table((3, 7))
    m, v, _, t = updates.adam(T.sum(W[:, [1, 4]]), [W])
    assert [slot_of(s).axis for s in (m, v, t)] == [1, 1, None]


def test_axis_of_a_number_for_each_row():
    W = new_table((7, 3), None)
    (accu, _) = updates.rowwise_adagrad(T.sum(W[[1]]), [W])
    assert slot_of(accu).axis == 0 and accu.ndim == 1


def test_names_given_by_the_rule_are_kept():
    def naming(gradients, params):
        changes = OrderedDict()
        for param, g in zip(params, gradients):
            velocity = accumulator(param, name="speed of %s" % param.name)
            changes[velocity] = 0.9 * velocity + g
            changes[param] = param - changes[velocity]
        return changes

    W, b, loss = two_params()
    changes = updates.sparse(naming)(loss, [W, b])
    assert names(changes) == ["speed of words.W", "words.W", "speed of b", "b"]
    assert list(named_states(changes)) == ["words.W/naming/0", "b/naming/0"]


@pytest.mark.parametrize("given", [None, "mine"])
def test_variables_of_a_program_are_left_alone(given):
    """A learning rate that is no part of the updates is no state"""
    W, b, loss = two_params()
    rate = theano.shared(lasagne.utils.floatX(0.1), given)
    updates.adam(loss, [W, b], learning_rate=rate)
    assert rate.name == given and slot_of(rate) is None
    assert slot_of(W) is None and W.name == "words.W"


def test_second_call_of_a_rule_on_a_table_has_a_number():
    W, b, loss = two_params()
    first, second = (updates.adam(loss, [W, b]) for _ in range(2))
    assert "words.W/adam/m" in names(first) and "adam/t" in names(first)
    assert "words.W/adam#2/m" in names(second) and "adam#2/t" in names(second)
    both = named_states([*first, *second])
    assert len(both) == 10
    # Another rule counts for itself, and a new table has no history.
    assert "words.W/rmsprop/accu" in names(updates.rmsprop(loss, [W]))
    V = new_table(name="words.W")
    assert "words.W/adam/m" in names(updates.adam(T.sum(V[[1]]), [V]))


def test_tables_of_one_name_are_told_apart_among_named_states():
    W, V = new_table(), new_table()
    changes = updates.adam(T.sum(W[[1]] * V[[2]]), [W, V])
    states = named_states(changes)
    assert list(states) == [
        "W/adam/m",
        "W/adam/v",
        "W#2/adam/m",
        "W#2/adam/v",
        "adam/t",
    ]
    assert slot_of(states["W#2/adam/v"]).table is V


def test_counts_of_calls_on_other_tables_are_told_apart_among_named_states():
    W, V = new_table(name="W"), new_table(name="V")
    changes = updates.adam(T.sum(W[[1]]), [W]), updates.adam(T.sum(V[[1]]), [V])
    states = named_states([*changes[0], *changes[1]])
    assert list(states)[2] == "adam/t" and list(states)[-1] == "adam#2/t"


def test_table_without_a_name_is_called_by_dtype_and_shape():
    W = theano.shared(np.zeros((7, 3), "float32"))
    (accu, _) = updates.adagrad(T.sum(W[[1]]), [W])
    assert accu.name == "float32 7 x 3/adagrad/accu"
    assert W.name is None


@pytest.mark.parametrize("kind", ["momentum", "nesterov_momentum"])
def test_wrappers_name_their_velocities(kind):
    W, b, loss = two_params()
    changes = updates.rmsprop(loss, [W, b])
    changes = getattr(updates, "apply_" + kind)(changes, [W, b])
    assert names(changes) == [
        "words.W/rmsprop/accu",
        "words.W",
        "b/rmsprop/accu",
        "b",
        "words.W/%s/velocity" % kind,
        "b/%s/velocity" % kind,
    ]
    assert [slot_of(s).axis for s in changes if slot_of(s)] == [0] * 4


def test_momentum_of_states_is_named_by_the_state():
    """Lasagne's default: momentum of all that the updates hold"""
    W, _, _ = two_params()
    changes = updates.apply_momentum(updates.adagrad(T.sum(W[[1]]), [W]))
    assert names(changes)[2:] == [
        "words.W/adagrad/accu/momentum/velocity",
        "words.W/momentum/velocity",
    ]


def test_rule_that_calls_rules_of_ours_keeps_their_names():
    @updates.sparse
    def looking_ahead(gradients, params):
        changes = updates.adam(gradients, params)
        for param in params:
            slow = theano.shared(param.get_value())
            changes[slow] = slow + 0.5 * (changes[param] - slow)
        return changes

    W, _, _ = two_params()
    changes = looking_ahead(T.sum(W[[1]]), [W])
    assert names(changes) == [
        "words.W/adam/m",
        "words.W/adam/v",
        "words.W",
        "adam/t",
        "words.W/looking_ahead/0",
    ]


@pytest.mark.parametrize("rule", ["momentum", "adam"])
def test_names_are_the_same_where_ours_are_installed(rule):
    def trained():
        W, b, loss = two_params()
        return names(getattr(lasagne_sparse.updates, rule)(loss, [W, b], 0.1))

    before = trained()
    lasagne_sparse.install()
    try:
        assert trained() == before
    finally:
        lasagne_sparse.uninstall()


def test_rules_without_a_name_of_their_own():
    W, _, _ = two_params()
    partial = functools.partial(own_rule, rate=0.25)
    assert "words.W/own_rule/0" in names(updates.sparse(partial)(T.sum(W[[1]]), [W]))
    nameless = updates.sparse(lambda *args: own_rule(*args))
    assert "words.W/rule/0" in names(nameless(T.sum(W[[1]]), [W]))

    class Rule:
        def __call__(self, *args):
            return own_rule(*args)

    assert "words.W/Rule/0" in names(updates.sparse(Rule())(T.sum(W[[1]]), [W]))


def test_slots_are_pickled_with_their_variables():
    W, b, loss = two_params()
    changes = updates.adam(loss, [W, b])
    table, states = pickle.loads(pickle.dumps((W, list(changes))))
    assert names(states) == names(changes)
    slot = slot_of(states[0])
    assert slot.table is table and slot.name == "words.W/adam/m"
    assert list(named_states(states)) == list(named_states(changes))
    # Calls are counted on.
    again = updates.adam(T.sum(table[[1]]), [table])
    assert "words.W/adam#2/m" in names(again)


def test_record_keeps_nothing_alive():
    W, b, loss = two_params()
    changes = updates.adam(loss, [W, b])
    watched = [weakref.ref(shared) for shared in [*changes, W, b]]
    del W, b, loss, changes
    gc.collect()
    assert [ref() for ref in watched] == [None] * len(watched)


def test_stateful_rule_keeps_its_slots_from_call_to_call():
    velocities = {}

    def stateful(gradients, params):
        changes = OrderedDict()
        for param, g in zip(params, gradients):
            velocity = velocities.setdefault(param, accumulator(param))
            changes[velocity] = 0.9 * velocity + g
            changes[param] = param - changes[velocity]
        return changes

    W, b, loss = two_params()
    rule = updates.sparse(stateful)
    assert names(rule(loss, [W, b])) == names(rule(loss, [W, b]))
    assert velocities[W].name == "words.W/stateful/0"


@pytest.mark.parametrize("depth", [10, 100])
def test_finding_owners_costs_linear_time(depth, monkeypatch):
    """A state that is made through `depth` shared subexpressions, of several tables"""
    visited = []

    def counting(item, parts, combine, known):
        def counted(*args):
            visited.append(args)
            return combine(*args)

        return evaluate(item, parts, counted, known)

    monkeypatch.setattr(owners, "evaluate", counting)

    def deep(gradients, params):
        h = sum(T.sum(g) for g in gradients)
        for _ in range(depth):
            h = T.tanh(h) * h
        total = theano.shared(lasagne.utils.floatX(0))
        changes = lasagne.updates.sgd(gradients, params, 0.1)
        changes[total] = total + h
        return changes

    W, b, loss = two_params()
    changes = updates.sparse(deep)(loss, [W, b])
    assert names(changes)[-1] == "deep/0"
    assert 2 * depth <= len(visited) <= 3 * depth + 20
