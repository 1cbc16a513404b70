"""The named rules: equal to Lasagne's where all is looked up, lazy elsewhere"""

import inspect

import lasagne_sparse
import lasagne
import numpy as np
import oracle
import pytest
import theano
import theano.tensor as T
from devices import ON_GPU, on_host
from toy import EVERY_RULE
from lasagne_sparse import updates
from lasagne_sparse.graph import without_transfers
from hypothesis import given
from hypothesis import strategies as st
from lasagne_sparse.updates import dense
from theano.configparser import change_flags
from theano.tensor.subtensor import AdvancedIncSubtensor1

# Where what is computed matters and not by which code: no C to compile.
NO_COMPILER = theano.Mode(linker="py", optimizer="fast_run")
RATES = {"adam": 0.01, "adamax": 0.01, "amsgrad": 0.01}


def dense_rule(name):
    return getattr(lasagne.updates, name, None) or getattr(dense, name)


def shared(rng, *shape):
    return theano.shared(rng.randn(*shape).astype(theano.config.floatX), "table")


# --- Lasagne's own behaviour is the contract ----------------


@pytest.mark.parametrize("floatX", ["float32", "float64"])
@pytest.mark.parametrize("name", EVERY_RULE)
def test_equals_the_dense_rule_where_every_row_is_looked_up(name, floatX, rng):
    num_rows, num_units = 7, 3
    x, columns = T.lvectors("x", "columns")
    start = [
        rng.randn(*shape)
        for shape in [(num_rows, num_units), (num_rows,), (4, 5), (num_units,)]
    ]

    def train(rule):
        A, b, M, c = params = [theano.shared(p.astype(floatX)) for p in start]
        # Several lookups of one table, of several tables and of columns, with
        # repeats, and a dense parameter in the same call.
        loss = T.sqr(A[x] * c).mean() + A[x[::2]].mean() + T.sqr(b[x]).mean()
        loss += T.sqr(M[:, columns]).mean()
        update = rule(loss, params, learning_rate=RATES.get(name, 0.1))
        mode = theano.Mode(linker="py", optimizer="fast_run")
        step = theano.function([x, columns], updates=update, mode=mode)
        for batch in batches:
            step(*batch)
        return params

    batches = [
        (
            np.append(rng.permutation(num_rows), rng.randint(0, num_rows, 4)),
            np.append(rng.permutation(5), 2),
        )
        for _ in range(10)
    ]
    with change_flags(floatX=floatX):
        found_params = train(getattr(updates, name))
        with on_host():
            expected_params = train(dense_rule(name))
    tolerance = 1e-5 if floatX == "float32" else 1e-12
    for expected, found in zip(expected_params, found_params):
        assert found.get_value().dtype == floatX
        np.testing.assert_allclose(
            found.get_value(), expected.get_value(), rtol=tolerance, atol=tolerance
        )


# --- Lazy updates: a fixed function per rule, any batches ----------------


class Trained:
    """A table, its accumulators, and a compiled step of the loss of any batch

    The loss is ``sum((W[x] * c) ** 2) / 2``, so a lookup's gradient is
    ``W[x] * c ** 2``.
    """

    def __init__(self, name):
        rng = np.random.RandomState(3)
        self.start = rng.randn(6, 4).astype(theano.config.floatX)
        self.c = rng.randn(4).astype(theano.config.floatX)
        self.W = theano.shared(self.start.copy(), "W")
        self.x = T.lvector("x")
        loss = T.sqr(self.W[self.x] * self.c).sum() / 2
        self.rate = RATES.get(name, 0.1)
        self.updates = getattr(updates, name)(loss, [self.W], learning_rate=self.rate)
        self.states = [s for s in self.updates if s is not self.W]
        self.step = theano.function([self.x], loss, updates=self.updates)

    def reset(self):
        self.W.set_value(self.start.copy())
        for state in self.states:
            state.set_value(np.zeros_like(state.get_value()))

    def expected(self, rule, batches):
        table = self.start.astype("float64")
        histories = [{} for _ in table]
        for t, batch in enumerate(batches, 1):
            gradients = [table[i] * self.c.astype("float64") ** 2 for i in batch]
            oracle.lazy_step(
                rule, table, batch, gradients, histories, t, learning_rate=self.rate
            )
        return table


_trained = {}


def trained(name):
    if name not in _trained:
        _trained[name] = Trained(name)
    _trained[name].reset()
    return _trained[name]


batches = st.lists(st.lists(st.integers(-6, 5), max_size=8), min_size=1, max_size=5)


@pytest.mark.parametrize("name", EVERY_RULE)
@given(batches=batches)
def test_equals_the_paper_row_by_row(name, batches):
    model = trained(name)
    for batch in batches:
        model.step(np.array(batch, dtype="int64"))
    tolerance = 1e-4 if theano.config.floatX == "float32" else 1e-10
    np.testing.assert_allclose(
        model.W.get_value(),
        model.expected(getattr(oracle, name), batches),
        rtol=tolerance,
        atol=tolerance,
    )


@pytest.mark.parametrize("name", EVERY_RULE)
def test_rows_not_looked_up_keep_their_bits_and_history(name):
    model = trained(name)
    model.step(np.arange(6))
    tables = [model.W] + [s for s in model.states if s.get_value().ndim]
    before = [table.get_value() for table in tables]
    model.step(np.array([1, -2, 1]))
    for table, old in zip(tables, before):
        untouched = [0, 2, 3, 5]
        assert table.get_value()[untouched].tobytes() == old[untouched].tobytes()
        assert (table.get_value()[[1, 4]] != old[[1, 4]]).all()


@pytest.mark.parametrize("name", EVERY_RULE)
def test_empty_batch_keeps_all_bits(name):
    model = trained(name)
    model.step(np.arange(6))
    tables = [model.W] + [s for s in model.states if s.get_value().ndim]
    before = [table.get_value().tobytes() for table in tables]
    model.step(np.zeros(0, "int64"))
    assert [table.get_value().tobytes() for table in tables] == before


@given(batch=st.lists(st.integers(0, 5), max_size=8), seed=st.integers(0, 9))
def test_order_of_the_indices_does_not_matter(batch, seed):
    results = []
    for order in (batch, list(np.random.RandomState(seed).permutation(batch))):
        model = trained("adam")
        model.step(np.arange(6))
        model.step(np.array(order, dtype="int64"))
        results.append(model.W.get_value())
    np.testing.assert_allclose(*results, rtol=1e-5)


def test_minus_one_and_the_last_row_are_the_same_row():
    results = []
    for batch in ([-1, 5], [5, 5]):
        model = trained("adagrad")
        model.step(np.array(batch))
        results.append(model.W.get_value().tobytes())
    assert results[0] == results[1]


# --- What the compiled function does ----------------


def table_sized_nodes(inputs, outputs, update, num_rows, *args):
    """Runs a function and lists the nodes that read or made a table-sized array

    Views, gathers and in-place writes touch some rows only, and do not count.
    """
    found = []
    few_rows = ("Subtensor", "Gather", "RowMap", "RowUpdate", "Shape", "DimShuffle")

    def look(i, node, fn):
        fn()
        if any(word in type(node.op).__name__ for word in few_rows):
            writes = any(word in type(node.op).__name__ for word in ("Inc", "Update"))
            written = getattr(node.op, "destroy_map", {})
            if not writes or len(written) == len(node.outputs):
                return
        for storage in list(fn.inputs) + list(fn.outputs):
            if num_rows in getattr(storage[0], "shape", ()):
                found.append(node)
                return

    # What runs on a GPU has C code only.
    runs = theano.gof.OpWiseCLinker() if ON_GPU else theano.gof.PerformLinker()
    linker = theano.gof.WrapLinkerMany([runs], [look])
    mode = theano.Mode(linker=linker, optimizer="fast_run")
    theano.function(inputs, outputs, updates=update, mode=mode)(*args)
    return found


@pytest.mark.parametrize("name", EVERY_RULE)
def test_no_work_grows_with_the_table(name, rng):
    num_rows = 97
    W, V = shared(rng, num_rows, 3), shared(rng, 3, num_rows)
    x = T.ivector()
    loss = T.sqr(W[x]).sum() + W[x[::-1]].sum() + T.sqr(V[:, x]).sum()
    update = getattr(updates, name)(loss, [W, V], learning_rate=0.1)
    batch = np.array([5, 3, 5, -1], "int32")
    assert table_sized_nodes([x], loss, update, num_rows, batch) == []


def test_a_dense_rule_does_work_that_grows_with_the_table(rng):
    W, x = shared(rng, 97, 3), T.ivector()
    update = lasagne.updates.adam(T.sqr(W[x]).sum(), [W])
    assert table_sized_nodes([x], [], update, 97, np.array([5], "int32")) != []


@pytest.mark.parametrize("clip", ["ours", "lasagne"])
def test_clipping_the_total_norm_does_no_work_that_grows_with_the_table(clip, rng):
    W, b, x = shared(rng, 97, 3), shared(rng, 3), T.ivector()
    gradients = theano.grad(T.sqr(W[x] * b).sum(), [W, b])
    module = lasagne_sparse.updates if clip == "ours" else lasagne.updates
    gradients = module.total_norm_constraint(gradients, 0.5)
    update = updates.adam(gradients, [W, b])
    assert table_sized_nodes([x], [], update, 97, np.array([5, 5], "int32")) == []


@pytest.mark.parametrize("mode", ["FAST_RUN", "FAST_COMPILE", "DebugMode"])
def test_same_numbers_in_every_mode(mode):
    model = Trained("adam")
    if mode == "DebugMode":
        mode = theano.compile.DebugMode(stability_patience=1)
    step = theano.function([model.x], updates=model.updates, mode=mode)
    for batch in ([1, 3, 1], [-1, 5, 3]):
        step(np.array(batch))
    expected = model.expected(oracle.adam, [[1, 3, 1], [-1, 5, 3]])
    np.testing.assert_allclose(model.W.get_value(), expected, rtol=1e-4)


def test_same_numbers_without_our_rewrites():
    model = Trained("adagrad")
    mode = theano.compile.get_default_mode().excluding("lasagne_sparse")
    step = theano.function([model.x], updates=model.updates, mode=mode)
    step(np.array([1, 3, 1]))
    expected = model.expected(oracle.adagrad, [[1, 3, 1]])
    np.testing.assert_allclose(model.W.get_value(), expected, rtol=1e-4)


# --- The dictionary reads as the FAQ writes it ----------------


def test_table_is_written_by_inc_subtensor_and_accumulators_by_set():
    model = Trained("adam")
    for state, expression in model.updates.items():
        if state.ndim == 0:
            continue  # the step count
        op = expression.owner.op
        assert isinstance(op, AdvancedIncSubtensor1)
        assert op.set_instead_of_inc == (state is not model.W)
        assert without_transfers(expression.owner.inputs[0]) is state


def test_all_states_are_written_at_the_same_rows():
    model = Trained("adam")
    rows = {e.owner.inputs[2] for s, e in model.updates.items() if s.ndim}
    assert len(rows) == 1


def test_keys_are_in_the_order_of_the_dense_rule(rng):
    W, x = shared(rng, 5, 2), T.ivector()
    loss = W[x].sum()
    ours, theirs = updates.adam(loss, [W]), lasagne.updates.adam(loss, [W])
    assert [k.ndim for k in ours] == [k.ndim for k in theirs]
    assert list(ours).index(W) == list(theirs).index(W)


def test_layers_subset_is_the_one_that_is_incremented(rng):
    inputs = lasagne.layers.InputLayer((None, 2), T.imatrix())
    layer = lasagne_sparse.layers.EmbeddingLayer(inputs, 5, 3)
    out = lasagne.layers.get_output(layer)
    update = updates.sgd(out.sum(), [layer.W], 0.1)
    assert update[layer.W].owner.inputs[2] is layer.rows


# --- sparse() ----------------


def test_third_party_rule_becomes_sparse(rng):
    def sign_sgd(loss_or_grads, params, learning_rate):
        grads = lasagne.updates.get_or_compute_grads(loss_or_grads, params)
        return {p: p - learning_rate * T.sgn(g) for p, g in zip(params, grads)}

    W, x = shared(rng, 5, 2), T.ivector()
    before = W.get_value()
    update = updates.sparse(sign_sgd)(W[x].sum(), [W], learning_rate=0.5)
    theano.function([x], updates=update)(np.array([3, 3], "int32"))
    before[3] -= 0.5
    np.testing.assert_allclose(W.get_value(), before)


def test_rule_that_needs_the_whole_table_warns_and_is_right(rng):
    def centred(loss_or_grads, params):
        grads = lasagne.updates.get_or_compute_grads(loss_or_grads, params)
        return {p: p - T.dot(np.tri(5), g) for p, g in zip(params, grads)}

    W, x = shared(rng, 5, 2), T.ivector()
    before = W.get_value()
    with pytest.warns(updates.SparsityWarning, match="only be computed for all rows"):
        update = updates.sparse(centred)(W[x].sum(), [W])
    theano.function([x], updates=update)(np.array([3, 1], "int32"))
    before -= np.cumsum([[0, 0], [1, 1], [0, 0], [1, 1], [0, 0]], axis=0)
    np.testing.assert_allclose(W.get_value(), before, rtol=1e-6)


@pytest.mark.parametrize("rule", ["adam", None, 3, {}, [(1, 2)]], ids=repr)
def test_what_is_no_rule_is_refused_at_once(rule):
    with pytest.raises(TypeError, match="must be a rule itself, such as") as error:
        updates.sparse(rule)
    assert str(error.value).endswith("got %r" % (rule,))


def test_updates_in_the_place_of_a_rule_are_refused(rng):
    W = shared(rng, 5, 2)
    with pytest.raises(TypeError, match="neither its name nor the updates"):
        updates.sparse(lasagne.updates.sgd(W.sum(), [W], 0.1))


def test_rule_may_return_a_list_of_pairs(rng):
    def rule(gradients, params):
        return [(p, p - 0.5 * g) for p, g in zip(params, gradients)]

    W = shared(rng, 5, 2)
    before = W.get_value()
    update = updates.sparse(rule)(W[[3, 3]].sum(), [W])
    theano.function([], updates=update)()
    before[3] -= 1
    np.testing.assert_allclose(W.get_value(), before)


@pytest.mark.parametrize("returned", [None, 3, "updates", [1, 2]], ids=repr)
def test_rule_that_returns_no_updates_is_named(rng, returned):
    def forgetful(loss_or_grads, params):
        return returned

    W = shared(rng, 5, 2)
    with pytest.raises(TypeError, match="the rule forgetful must return") as error:
        updates.sparse(forgetful)(W[[1]].sum(), [W])
    assert str(error.value).endswith("it returned %r" % (returned,))


def test_rule_gets_a_list_of_gradients_and_its_errors_come_through(rng):
    def strict(loss_or_grads, params):
        raise KeyError(type(loss_or_grads))

    W = shared(rng, 5, 2)
    with pytest.raises(KeyError, match="list"):
        updates.sparse(strict)(W[[1]].sum(), [W])


def test_named_rules_document_their_own_arguments():
    for name in updates.rules.__all__:
        rule = getattr(updates, name)
        for argument in inspect.signature(rule).parameters:
            assert "\n%s : " % argument in inspect.getdoc(rule), (name, argument)


def test_dense_rule_can_be_had_from_the_sparse_one():
    assert updates.adam.dense is lasagne.updates.adam


def test_no_parameters_get_what_the_dense_rule_gives():
    (t,) = updates.adam([], [])
    assert t.ndim == 0 and not updates.sgd([], [], 0.1)


def test_float64_hyperparameters_do_not_upcast_a_float32_table():
    with change_flags(floatX="float32"):
        W, x = theano.shared(np.ones((3, 2), "float32")), T.ivector()
        update = updates.adam(W[x].sum(), [W], learning_rate=np.float64(0.1))
        assert {e.dtype for e in update.values()} == {"float32"}


def test_params_that_are_no_parameters_raise(rng):
    W = shared(rng, 5, 2)
    with pytest.raises(ValueError, match="shared variables and subsets"):
        updates.sgd(W.sum(), [2 * W], 0.1)


def test_table_and_its_subset_together_raise(rng):
    W = shared(rng, 5, 2)
    subset = W[T.ivector()]
    with pytest.raises(ValueError, match="list it once"):
        updates.sgd(subset.sum(), [W, subset], 0.1)


def test_list_of_gradients_of_another_length_raises(rng):
    W = shared(rng, 5, 2)
    with pytest.raises(ValueError, match="Got 0 gradient expressions for 1"):
        updates.sgd([], [W], 0.1)


def test_scalar_parameter_raises_in_rowwise_adagrad(rng):
    with pytest.raises(ValueError, match="use adagrad for it"):
        s = theano.shared(1.0, "s")
        updates.rowwise_adagrad(s**2, [s])
