"""Our rewrites cost no more than in proportion to the graph, and next to nothing
where it has no lookup"""

import sys

import numpy as np
import pytest
import theano
import theano.tensor as T
from fusion_checks import PYTHON
from lasagne_sparse.ops import unique_rows
from lasagne_sparse.ops.rows.row_map import RowMap
from lasagne_sparse.ops.rows.row_update import RowUpdate
from lasagne_sparse.rewrites.ordering import WritesComeLast
from theano.compile import optdb
from theano.gof.optdb import Query
from theano.tensor.opt import ShapeFeature

pytestmark = pytest.mark.usefixtures("host_only")

OURS = optdb.query(Query(include=["lasagne_sparse"]))
x, y = T.lvector("x"), T.dmatrix("y")


def steps(function, argument):
    """Counts the calls of Python functions that a call makes, Theano's too"""
    count = [0]

    def profile(_, event, __):
        count[0] += event == "call"

    sys.setprofile(profile)
    try:
        function(argument)
    finally:
        sys.setprofile(None)
    return count[0]


def lines(function, argument):
    """Counts the lines of ours that a call runs"""
    count = [0]

    def trace(frame, event, _):
        count[0] += event == "line"
        return trace if "lasagne_sparse" in frame.f_code.co_filename else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function(argument)
    finally:
        sys.settrace(before)
    return count[0]


def inputs_first(outputs):
    found = theano.gof.graph.inputs(outputs)
    return [v for v in dict.fromkeys(found) if not isinstance(v, theano.Constant)]


def rewritten(outputs):
    """Returns a graph after our rewrites, and the steps that each of them took"""
    fgraph = theano.gof.FunctionGraph(
        inputs_first(outputs), outputs, clone=True, features=[ShapeFeature()]
    )
    size = len(fgraph.apply_nodes)
    return fgraph, size, [steps(opt.optimize, fgraph) for opt in OURS]


def table(*shape):
    return theano.shared(np.ones(shape))


def many_tables(n):
    """Each with two accumulators, and a loss of their own"""
    outputs = []
    for _ in range(n):
        W, m, v = table(9, 3), table(9, 3), table(9, 3)
        rows, inverse = unique_rows(x, W.shape[0])
        g = T.inc_subtensor(T.zeros_like(W[rows])[inverse], y * W[x])
        new_m, new_v = m[rows] + g, v[rows] + g**2
        outputs.append(T.set_subtensor(m[rows], new_m))
        outputs.append(T.set_subtensor(v[rows], new_v))
        outputs.append(T.inc_subtensor(W[rows], new_m / T.sqrt(new_v)))
        outputs.append((W[x] * y).sum(axis=1).sum())
    return outputs


def tables_in_a_row(n):
    """What is written to a table is made of what was written to the one before"""
    outputs, before = [], y
    for _ in range(n):
        W = table(9, 3)
        outputs.append(T.inc_subtensor(W[x], T.exp(before) * 2))
        before = outputs[-1][x] * before
    return outputs


def a_deep_rule(n):
    """The step is made of n levels, each of which has the one before twice"""
    W = table(9, 3)
    rows, _ = unique_rows(x, W.shape[0])
    h = W[rows]
    for _ in range(n):
        h = T.tanh(h) * h
    return [T.set_subtensor(W[rows], h)]


def a_deep_map(n):
    W = table(9, 3)
    h = W[x]
    for _ in range(n):
        h = T.tanh(h) * h
    return [h.sum(axis=1)]


def many_maps(n):
    """Lookups of n tables, each with a sum that the next one is scaled by"""
    outputs = [T.ones_like(x) * 1.0]
    for _ in range(n):
        outputs.append((table(9, 3)[x] * y).sum(axis=1) + T.cumsum(outputs[-1]))
    return outputs


def scatters_inside_each_other(n):
    W = table(9, 3)
    rows, inverse = unique_rows(x, W.shape[0])
    sums = T.zeros_like(W[rows])
    for k in range(n):
        stop = None if k == n - 1 else k + 1
        sums = T.inc_subtensor(sums[inverse[k:stop]], y[k:stop] * 2)
    return [T.inc_subtensor(W[rows], sums)]


def a_joined_lookup(n):
    W = table(9, 3)
    parts = [T.lvector() for _ in range(n)]
    indices = T.concatenate(parts)
    rows, inverse = unique_rows(indices, W.shape[0])
    values = T.concatenate([T.exp(W[part]) for part in parts])
    g = T.inc_subtensor(T.zeros_like(W[rows])[inverse], values)
    return [T.inc_subtensor(W[rows], g), W[rows][inverse] * 2]


def no_lookup(n):
    h = y
    for _ in range(n):
        h = T.tanh(h) * h + T.dot(h, y)
    return [h, T.grad(h.sum(), y)] if n < 40 else [h]


GRAPHS = {
    many_tables: (5, RowUpdate),
    tables_in_a_row: (5, RowUpdate),
    a_deep_rule: (50, RowUpdate),
    a_deep_map: (10, RowMap),
    many_maps: (8, RowMap),
    scatters_inside_each_other: (40, RowUpdate),
    a_joined_lookup: (8, RowUpdate),
}


@pytest.mark.parametrize("graph", GRAPHS)
def test_each_rewrite_grows_with_the_graph_and_no_faster(graph):
    n, op = GRAPHS[graph]
    rewritten(graph(1))  # what is done once, as imports and caches, is done then
    fgraph, small, few = rewritten(graph(n))
    assert any(isinstance(node.op, op) for node in fgraph.apply_nodes)
    _, large, many = rewritten(graph(4 * n))
    assert 2 < large / small < 5
    for optimizer, before, after in zip(OURS, few, many):
        assert after < 5.5 * before + 500, optimizer.name


def test_graphs_without_lookups_are_left_at_once():
    _, size, counts = rewritten(no_lookup(100))
    for optimizer, count in zip(OURS, counts):
        assert count < 10 * size, optimizer.name
    taken = {opt.name: n for opt, n in zip(OURS, counts)}
    for name in ("gathers", "row_writes", "fuse_row_updates", "fuse_row_maps"):
        # is there one among the nodes?
        assert taken["lasagne_sparse_" + name] < 3 * size, name


def chain_of_counters(n):
    """Each counter is added to the next: the first one is needed by most"""
    W, counters = table(9, 3), [theano.shared(1.0) for _ in range(n)]
    updates, step = [], 1.0
    for counter in counters:
        step = counter + step
        updates.append((counter, step))
    updates.append((W, T.inc_subtensor(W[x], step)))
    return theano.function([x], updates=updates, mode=PYTHON)


def test_the_order_of_writes_grows_with_the_graph_and_no_faster():
    counts, sizes = [], []
    for n in (10, 40):
        fgraph = chain_of_counters(n).maker.fgraph
        (feature,) = [f for f in fgraph._features if isinstance(f, WritesComeLast)]
        sizes.append(sum(len(node.inputs) for node in fgraph.apply_nodes))
        # not Theano's, which we ask for its own orderings
        counts.append(lines(feature.orderings, fgraph))
    assert counts[1] / counts[0] < 1.2 * sizes[1] / sizes[0]
