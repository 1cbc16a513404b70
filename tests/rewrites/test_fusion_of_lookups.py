"""What a RowUpdate computes of each lookup before it adds them up"""

import numpy as np
import pytest
import theano
import theano.tensor as T
from lasagne_sparse import updates as rules
from lasagne_sparse.ops import UniqueRows
from lasagne_sparse.ops.rows.row_update import RowUpdate
from fusion_checks import (
    C,
    PYTHON,
    UNFUSED,
    assert_one_pass,
    close,
    compiled,
    nodes,
    table,
)
from theano.tensor.basic import Join
from theano.tensor.elemwise import Elemwise


def factorization(rng, dtype="float32"):
    """A loss of the rows of two tables, as of users and items"""
    U, V = table(rng, 8, 3, name="U", dtype=dtype), table(rng, 6, 3, name="V")
    users, items, ratings = T.ivector(), T.lvector(), T.fvector()
    error = (U[users] * V[items]).sum(axis=1) - ratings
    return U, V, [users, items, ratings], T.sum(error**2)


def a_batch(rng, size=9):
    users = rng.randint(-8, 8, size).astype("int32")
    users[-1] = users[0]
    return users, rng.randint(-6, 6, size), rng.uniform(-1, 1, size).astype("float32")


@pytest.mark.parametrize("mode", [PYTHON, C], ids=["python", "c"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_products_of_two_tables_are_summed_as_they_are_computed(rng, mode, dtype):
    U, V, inputs, loss = factorization(rng, dtype)
    function = compiled(inputs, rules.sgd(loss, [U, V], learning_rate=0.1), mode)
    for node in nodes(function, RowUpdate):
        (part,) = node.op.program.sums
        assert part.scope == "unit"
        kinds = [node.op.program.operands[slot.position].kind for slot in part.inputs]
        assert "lookup" in kinds
    u, v = U.get_value(), V.get_value()
    for _ in range(3):
        users, items, ratings = a_batch(rng)
        function(users, items, ratings)
        old_u, old_v = u.copy(), v.copy()
        for i, j, r in zip(users, items, ratings):
            slope = 0.2 * ((old_u[i] * old_v[j]).sum() - r)
            u[i] -= slope * old_v[j]
            v[j] -= slope * old_u[i]
        close(U, u)
        close(V, v)


def test_no_array_of_products_is_made(rng, host_only):
    U, V, inputs, loss = factorization(rng)
    function = compiled(inputs, rules.adam(loss, [U, V]))
    matrices = [n for n in nodes(function, Elemwise) if n.outputs[0].ndim == 2]
    assert all(all(n.outputs[0].broadcastable) for n in matrices)


def test_what_others_need_too_is_read(rng):
    W = table(rng, 8, 3)
    indices, g = T.ivector(), T.fmatrix()
    product = T.tanh(g) * g
    function = compiled(
        [indices, g], {W: T.inc_subtensor(W[indices], product)}, outputs=[product]
    )
    node = assert_one_pass(function, 1)
    assert not node.op.program.sums
    assert node.op.program.operands[-1].kind == "summed"


def test_what_is_read_twice_is_one_operand(rng):
    W = table(rng, 8, 3)
    indices, g = T.ivector(), T.fmatrix()
    function = compiled(
        [indices, g], {W: T.inc_subtensor(W[indices], T.tanh(g) * g + g)}, C
    )
    assert len(assert_one_pass(function, 1).op.program.operands) == 1
    i, value = np.array([3, 1, 3], "int32"), np.ones((3, 3), "float32")
    w = W.get_value()
    np.add.at(w, i, np.tanh(value) * value + value)
    function(i, value)
    close(W, w)


def test_rows_that_stretch_along_an_axis_are_right(rng):
    """(n, 1, 2) with (n, 3, 2) in a table of rank 3"""
    W = table(rng, 8, 3, 2)
    kind = T.TensorType("float32", (False, True, False))
    indices, g, h = T.ivector(), T.ftensor3(), kind()
    function = compiled([indices, g, h], {W: T.inc_subtensor(W[indices], g * h)}, C)
    assert_one_pass(function, 1)
    i = np.array([3, 1, 3, -1], "int32")
    values = rng.uniform(-1, 1, (4, 3, 2)).astype("float32")
    stretched = rng.uniform(-1, 1, (4, 1, 2)).astype("float32")
    w = W.get_value()
    np.add.at(w, i, values * stretched)
    function(i, values, stretched)
    close(W, w)


@pytest.mark.parametrize("rows, units", [(2, 3), (3, 1), (3, 2)])
def test_values_that_do_not_fit_change_nothing(rng, rows, units):
    W = table(rng, 8, 3)
    indices, g, h = T.ivector(), T.fmatrix(), T.fmatrix()
    step = W[indices] * g * h
    function = compiled([indices, g, h], {W: T.inc_subtensor(W[indices], step)}, C)
    assert assert_one_pass(function, 1).op.program.sums
    before = W.get_value()
    ones = np.ones((3, 3), "float32")
    with pytest.raises(ValueError):
        function(np.array([1, 2, 1], "int32"), ones, ones[:rows, :units])
    np.testing.assert_array_equal(W.get_value(), before)


def test_no_lookups_change_nothing(rng):
    U, V, inputs, loss = factorization(rng)
    function = compiled(inputs, rules.sgd(loss, [U, V], learning_rate=0.1), C)
    before = U.get_value()
    function(*a_batch(rng, 1)) and None
    changed = U.get_value()
    assert (changed != before).any()
    empty = np.zeros(0, "int32"), np.zeros(0, "int64"), np.zeros(0, "float32")
    function(*empty)
    np.testing.assert_array_equal(U.get_value(), changed)


def test_two_lookups_at_the_same_indices_are_summed_as_one(rng):
    """``U[users]`` in the loss and in its penalty"""
    U, V, inputs, loss = factorization(rng)
    users, items, ratings = inputs
    loss = loss + 0.1 * T.sum(U[users] ** 2)
    function = compiled(inputs, rules.sgd(loss, [U, V], learning_rate=0.1), C)
    for node in nodes(function, UniqueRows):
        assert not isinstance(getattr(node.inputs[0].owner, "op", None), Join)
    batch = a_batch(rng)
    before = U.get_value(), V.get_value()
    function(*batch)
    after = U.get_value()
    U.set_value(before[0])
    V.set_value(before[1])
    compiled(inputs, rules.sgd(loss, [U, V], learning_rate=0.1), UNFUSED)(*batch)
    np.testing.assert_allclose(after, U.get_value(), rtol=2e-5, atol=1e-6)


def test_debug_mode_finds_nothing_wrong(rng, host_only):
    U, V, inputs, loss = factorization(rng)
    mode = theano.compile.DebugMode(optimizer="fast_run", stability_patience=2)
    function = compiled(inputs, rules.adam(loss, [U, V]), mode)
    for _ in range(2):
        function(*a_batch(rng))
