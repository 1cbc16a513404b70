"""Writes come last: nothing changes when a call fails"""

import numpy as np
import pytest
import theano
import theano.tensor as T
from lasagne_sparse.ops import unique_rows
from lasagne_sparse.rewrites.ordering import WritesComeLast, _writes_to_inputs
from theano.ifelse import ifelse

OPTIMIZERS = ["fast_run", "fast_compile"]


class Model:
    """Two tables, a counter and a dense parameter, all updated in one call

    Each table has its own lookup; the first as the symbolic half writes it, the
    second plain.
    """

    def __init__(self, swapped=False):
        rng = np.random.RandomState(3)
        self.a = theano.shared(rng.randn(10, 3).astype("float32"), "a")
        self.b = theano.shared(rng.randn(8, 3).astype("float32"), "b")
        self.m = theano.shared(np.zeros((10, 3), "float32"), "m")
        self.c = theano.shared(np.ones((3,), "float32"), "c")
        self.t = theano.shared(np.float32(0), "t")
        self.x, self.z = T.ivector("x"), T.ivector("z")
        self.rows, self.inverse = unique_rows(self.x, self.a.shape[0], "a")
        self.swapped = swapped

    @property
    def shared(self):
        return [self.a, self.b, self.m, self.c, self.t]

    def updates(self):
        t = self.t + 1
        new_m = 0.9 * self.m[self.rows] + 1 / t
        updates = [
            (self.t, t),
            (self.a, T.inc_subtensor(self.a[self.rows], -new_m)),
            (self.m, T.set_subtensor(self.m[self.rows], new_m)),
            (self.c, self.c * 0.5),
            (self.b, T.inc_subtensor(self.b[self.z], -0.1 * self.b[self.z] / t)),
        ]
        return updates[::-1] if self.swapped else updates

    def compile(self, optimizer="fast_run", linker="cvm", excluding=(), **kwargs):
        mode = theano.Mode(linker=linker, optimizer=optimizer).excluding(*excluding)
        loss = (self.a[self.rows][self.inverse] ** 2).sum() + self.b[self.z].sum()
        kwargs = dict({"outputs": loss, "updates": self.updates()}, **kwargs)
        return theano.function([self.x, self.z], mode=mode, **kwargs)

    def values(self):
        return [s.get_value() for s in self.shared]


def changed(model, function, *indices):
    """The shared variables that a failing call changed"""
    before = model.values()
    with pytest.raises(IndexError, match="out of range|out of bounds"):
        function(*indices)
    return [
        s.name
        for s, old, new in zip(model.shared, before, model.values())
        if not np.array_equal(old, new)
    ]


BAD = [([1, 2, 1], [0, 8]), ([1, 10], [0, 1]), ([-11], [-9]), ([], [8])]


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_bad_index_in_one_table_changes_nothing(optimizer, swapped):
    model = Model(swapped)
    function = model.compile(optimizer)
    for indices in BAD:
        assert changed(model, function, *indices) == []
    function([1, 2, 1], [0, 7])
    assert model.t.get_value() == 1


@pytest.mark.parametrize("linker", ["py", "vm", "vm_nogc", "c|py"])
def test_every_linker_keeps_the_order(linker):
    model = Model()
    function = model.compile(linker=linker)
    for indices in BAD:
        assert changed(model, function, *indices) == []


def test_without_the_order_something_changes():
    """What the rewrite is for: else these tests prove nothing"""
    found = []
    for swapped in (False, True):
        model = Model(swapped)
        function = model.compile(linker="py", excluding=["lasagne_sparse_order_writes"])
        for indices in BAD:
            found += changed(model, function, *indices)
    assert found


@pytest.mark.parametrize("excluding", [(), ("fusion", "inplace_elemwise_opt")])
def test_stock_lookups_keep_the_order_too(excluding):
    """A plain lookup of an expression raises from Theano's own Op"""
    model = Model()
    loss = T.dot(model.b, model.b.T)[model.z].sum()
    function = model.compile(
        outputs=loss, updates=model.updates()[:4], excluding=excluding
    )
    assert changed(model, function, [1, 2], [8]) == []


def test_same_results_as_without_the_order():
    results = []
    for excluding in [(), ("lasagne_sparse_order_writes",), ("lasagne_sparse",)]:
        model = Model()
        function = model.compile(linker="py", excluding=excluding)
        losses = [function([1, -1, 9, 1], [7, 0, 3]) for _ in range(3)]
        results.append(model.values() + losses)
    for other in results[1:]:
        for found, expected in zip(results[0], other):
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_all_reads_come_before_the_first_write_to_a_table():
    function = Model().compile(linker="py")
    nodes = function.maker.fgraph.toposort()
    found = _writes_to_inputs(function.maker.fgraph, nodes)
    writes = [i for i, node in enumerate(nodes) if node in found]
    assert len(writes) >= 3
    # the counter goes first, since the step depends on it; the tables are last
    assert "Add" in str(nodes[writes[0]].op)
    lookups = [i for i, n in enumerate(nodes) if "Gather" in str(n.op)]
    lookups += [i for i, n in enumerate(nodes) if "UniqueRows" in str(n.op)]
    assert max(lookups) < writes[0]


def test_branch_that_is_not_taken_is_not_computed():
    """Nor is the error in it raised"""
    model = Model()
    flag = T.bscalar()
    table = theano.shared(np.ones((4, 2), "float32"), "d")
    chosen = ifelse(flag, table[model.z].sum(), np.float32(7))
    for linker in ("cvm", "vm"):
        function = theano.function(
            [model.x, model.z, flag],
            chosen,
            updates=model.updates()[:4],
            mode=theano.Mode(linker=linker, optimizer="fast_run"),
        )
        assert function([1, 2], [99], 0) == 7
        before = model.values()
        with pytest.raises(IndexError):
            function([1, 2], [99], 1)
        for old, new in zip(before, model.values()):
            np.testing.assert_array_equal(old, new)


def test_graphs_without_our_ops_are_left_alone():
    counter = theano.shared(0)
    function = theano.function([], updates=[(counter, counter + 1)])
    features = function.maker.fgraph._features
    assert not any(isinstance(feature, WritesComeLast) for feature in features)


def test_copy_of_a_function_keeps_the_order():
    model = Model()
    function = model.compile(linker="vm").copy(share_memory=False)
    for indices in BAD:
        assert changed(model, function, *indices) == []
