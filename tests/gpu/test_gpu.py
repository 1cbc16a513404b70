"""Tables on a GPU: every rule, the Ops, the errors, and what travels

They run where Theano uses a GPU, which may be an OpenCL device on the CPU:
``THEANO_FLAGS=device=opencl0:0,floatX=float32``.
"""

import os
import subprocess
import sys

import numpy as np
import pytest
import theano
import theano.tensor as T
import toy
from devices import on_host
from lasagne_sparse import updates
from lasagne_sparse.inspection.explanation import assert_sparse, explain

if not theano.config.device.startswith(("cuda", "opencl")):
    pytest.skip(
        "no GPU in this run. To test it, install pygpu and an OpenCL device (Debian: "
        "apt-get install python3-pygpu libgpuarray-dev libclblast-dev "
        "pocl-opencl-icd), and set "
        "THEANO_FLAGS=device=opencl0:0,floatX=float32",
        allow_module_level=True,
    )

from lasagne_sparse.ops import SegmentSum, UniqueRows
from lasagne_sparse.ops.gpu import GpuRowUpdate, GpuSegmentSum
from lasagne_sparse.ops.rows.row_update import RowUpdate
from theano.gpuarray.basic_ops import GpuFromHost, HostFromGpu
from theano.gpuarray.type import GpuArraySharedVariable

NUM_ROWS, NUM_UNITS = 37, 5
RULES = dict(
    {name: dict(learning_rate=0.1) for name in toy.RULES},
    adadelta={},
    adamax=dict(learning_rate=0.1),
    amsgrad=dict(learning_rate=0.1),
    rowwise_adagrad=dict(learning_rate=0.1),
)
# Lookups with repeats and negative indices, -1 beside the last row.
BATCHES = [[3, -1, 0, 36, 3, 3], [7], [], [0, 3, -36, 1, 20]]


class Watched:
    """A mode that remembers the largest size of what each node made anew"""

    def __init__(self):
        self.sizes = {}
        self.mode = theano.compile.MonitorMode(
            post_func=self._look, optimizer="fast_run"
        )

    def _look(self, i, node, thunk):
        destroyed = getattr(node.op, "destroy_map", {})
        viewed = getattr(node.op, "view_map", {})
        for k, storage in enumerate(thunk.outputs):
            if k not in destroyed and k not in viewed and hasattr(storage[0], "shape"):
                size = int(np.prod(storage[0].shape))
                self.sizes[node] = max(size, self.sizes.get(node, 0))


class Training:
    """A training function and what it updates"""

    def __init__(self, make_updates, mode, table=None):
        if table is None:
            table = np.random.RandomState(1).uniform(-1, 1, (NUM_ROWS, NUM_UNITS))
        self.W = theano.shared(table.astype("float32"), "W")
        x, y = T.lvector("x"), T.vector("y")
        self.updates = make_updates(self.W, x, y)
        self.step = theano.function(
            [x, y], updates=self.updates, mode=mode, on_unused_input="ignore"
        )
        self.start = self.values()

    def values(self):
        return [variable.get_value() for variable in self.updates]

    def run(self, batches=BATCHES):
        """Trains from the start; returns the final values"""
        for variable, value in zip(self.updates, self.start):
            variable.set_value(value)
        for k, batch in enumerate(batches):
            y = np.random.RandomState(k).uniform(-1, 1, len(batch))
            self.step(np.array(batch, "int64"), y.astype("float32"))
        return self.values()


def loss(W, x, y):
    return ((W[x] ** 2).sum(axis=1) * y).sum() + W[x].sum()


def by_rule(name):
    rule = getattr(updates, name)
    return lambda W, x, y: rule(loss(W, x, y), [W], **RULES[name])


def tables_that_travel(function):
    """Lists transfers of tables and accumulators, and of what becomes one"""
    fgraph = function.maker.fgraph
    tables = [i for i in fgraph.inputs if hasattr(i.type, "context_name")]
    assert tables
    found = []
    for node in fgraph.toposort():
        if isinstance(node.op, HostFromGpu) and node.inputs[0] in tables:
            found.append(node)
        if isinstance(node.op, GpuFromHost) and node.outputs[0] in fgraph.outputs:
            found.append(node)
    return found


def close(ours, theirs):
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", sorted(RULES))
def test_rule_does_on_the_device_what_it_does_on_the_host(name):
    watched = Watched()
    ours = Training(by_rule(name), watched.mode)
    with on_host():
        theirs = Training(by_rule(name), toy.mode())
    on_device = [v for v in ours.updates if isinstance(v, GpuArraySharedVariable)]
    assert len(on_device) == len([v for v in ours.updates if v.ndim])
    values = ours.run()
    close(values, theirs.run())
    assert not np.array_equal(values[0], ours.start[0])
    toy.same_bits(ours.run(), values)
    assert tables_that_travel(ours.step) == []
    # Nothing is as large as the vector of one number per row.
    assert max(watched.sizes.values()) < NUM_ROWS
    (update,) = _nodes(ours.step, GpuRowUpdate)
    assert len(update.op.inplace) == len(on_device)


def _nodes(function, kind):
    return [n for n in function.maker.fgraph.toposort() if isinstance(n.op, kind)]


def _columns(W, x, y):
    return updates.adam(((W[:, x] ** 2).sum(axis=0) * y).sum(), [W], learning_rate=0.1)


def _two_lookups(W, x, y):
    total = loss(W, x, y) + (W[2 * x[:2] // 3] ** 3).sum()
    return updates.adagrad(total, [W], learning_rate=0.1)


def _clipped(W, x, y):
    gradients = updates.total_norm_constraint([theano.grad(loss(W, x, y), W)], 0.5)
    return updates.sgd(gradients, [W], learning_rate=0.1)


def _constrained(W, x, y):
    result = updates.apply_momentum(updates.sgd(loss(W, x, y), [W], learning_rate=0.1))
    result[W] = updates.norm_constraint(result[W], 1.0, norm_axes=(1,))
    return result


def _added(W, x, y):
    return updates.add_rows(W, x, y.dimshuffle(0, "x") * np.ones(NUM_UNITS, "float32"))


def _set(W, x, y):
    return updates.set_rows(W, x, y.dimshuffle(0, "x") * np.ones(NUM_UNITS, "float32"))


@pytest.mark.parametrize(
    "make_updates", [_columns, _two_lookups, _clipped, _constrained, _added, _set]
)
def test_program_does_on_the_device_what_it_does_on_the_host(make_updates):
    table = np.random.RandomState(1).uniform(-1, 1, (NUM_ROWS, NUM_UNITS))
    if make_updates is _columns:
        table = table.T
    ours = Training(make_updates, theano.compile.get_default_mode(), table)
    with on_host():
        theirs = Training(make_updates, toy.mode(), table)
    values = ours.run()
    close(values, theirs.run())
    assert not np.array_equal(values[0], ours.start[0])
    toy.same_bits(ours.run(), values)
    assert tables_that_travel(ours.step) == []
    assert _nodes(ours.step, GpuRowUpdate)


@pytest.fixture(scope="module")
def two_tables():
    """A function that updates a table, then one that may have a bad index"""
    tables = [theano.shared(np.ones((n, 2), "float32"), "W%d" % n) for n in (10, 20)]
    x, y = T.lvectors("x", "y")
    total = (tables[0][x] ** 2).sum() + (tables[1][y] ** 2).sum()
    rule = updates.adam(total, tables)
    return theano.function([x, y], total, updates=rule), list(rule)


@pytest.mark.parametrize(
    "indices, message",
    [
        (([0], [1, 20]), "index 20 at position 1 is out of range for table 'W20' with"),
        (([10], [1]), "index 10 at position 0 is out of range for table 'W10' with"),
        (([0, 2, -11], [1]), "index -11 at position 2"),
    ],
)
def test_index_out_of_range_raises_before_anything_is_written(
    two_tables, indices, message
):
    function, variables = two_tables
    before = [v.get_value() for v in variables]
    with pytest.raises(IndexError, match=message):
        function(*[np.array(i, "int64") for i in indices])
    toy.same_bits([v.get_value() for v in variables], before)


def test_lookup_alone_raises_the_error_of_the_host():
    W = theano.shared(np.ones((10, 2), "float32"), "W")
    x = T.ivector("x")
    function = theano.function([x], W[x])
    np.testing.assert_array_equal(function([1, -1]), np.ones((2, 2)))
    with pytest.raises(IndexError, match="index 10 at position 1 .* table 'W' with 10"):
        function([0, 10])


def test_indices_do_not_travel_to_the_device_and_back():
    W = theano.shared(np.ones((10, 2), "float32"), "W")
    x = T.imatrix("x")
    total = (W[x.flatten()] ** 2).sum()
    function = theano.function([x], total, updates=updates.sgd(total, [W], 0.1))
    assert _nodes(function, UniqueRows)
    fgraph = function.maker.fgraph
    users = [
        client for i in fgraph.inputs if i.dtype == "int32" for client in i.clients
    ]
    assert users
    assert not [node for node, _ in users if isinstance(node.op, GpuFromHost)]


@pytest.mark.parametrize("shapes", [[(6, 3)], [(2, 2, 3), (4, 2, 3)], [(6,)], [(0, 3)]])
def test_segment_sum_on_the_device(shapes, rng):
    order, offsets = T.lvectors("order", "offsets")
    kind = T.TensorType("float32", [False] * len(shapes[0]))
    variables = [kind() for _ in shapes]
    function = theano.function(
        [order, offsets] + variables, SegmentSum()(order, offsets, *variables)
    )
    assert _nodes(function, GpuSegmentSum)
    arrays = [rng.uniform(-1, 1, shape).astype("float32") for shape in shapes]
    together = np.concatenate(arrays)
    n = len(together)
    groups = [[4, 0], [], [1, 3, 5, 2]] if n else [[], []]
    sums = function(
        np.array(sum(groups, []), "int64"),
        np.append(0, np.cumsum([len(group) for group in groups])),
        *arrays,
    )
    expected = np.zeros((len(groups),) + together.shape[1:], "float32")
    for k, group in enumerate(groups):
        for j in group:
            expected[k] += together[j]
    np.testing.assert_allclose(sums, expected, rtol=1e-6, atol=1e-7)


def test_rows_longer_than_a_block_of_threads(rng):
    W = theano.shared(rng.uniform(-1, 1, (300, 200)).astype("float32"), "W")
    before = W.get_value().astype("float64")
    x = T.ivector("x")
    rule = updates.rowwise_adagrad((W[x] ** 2).sum() / 2, [W], learning_rate=0.5)
    function = theano.function([x], updates=rule)
    indices = rng.randint(0, 300, 400)
    function(indices.astype("int32"))
    for row in range(300):
        gradient = before[row] * np.sum(indices == row)
        if np.any(gradient):
            step = gradient / np.sqrt(np.mean(gradient**2) + 1e-6)
            before[row] -= 0.5 * step
    np.testing.assert_allclose(W.get_value(), before, rtol=1e-5, atol=1e-6)


def test_table_of_rank_three(rng):
    W = theano.shared(rng.uniform(-1, 1, (6, 2, 3)).astype("float32"), "W")
    before = W.get_value()
    x, y = T.ivector("x"), T.vector("y")
    gradient_factor = y.dimshuffle("x", "x", 0)
    rule = updates.sgd((W[x] * gradient_factor).sum(), [W], learning_rate=1)
    function = theano.function([x, y], updates=rule)
    assert _nodes(function, GpuRowUpdate)
    function([4, 1, 4], np.array([1, 2, 3], "float32"))
    before[1] -= [1, 2, 3]
    before[4] -= [2, 4, 6]
    np.testing.assert_allclose(W.get_value(), before, rtol=1e-6, atol=1e-6)


def test_maximum_and_minimum_are_numpys():
    values = np.array([[1, np.nan, 3]], "float32")
    W = theano.shared(values)
    function = theano.function([], [T.maximum(W, 2), T.minimum(W, 2)])
    expected = [np.maximum(values, 2), np.minimum(values, 2)]
    for one, other in zip(function(), expected):
        np.testing.assert_array_equal(one, other)


def test_softmax_with_cross_entropy_is_the_hosts(rng):
    x, y = T.matrix("x"), T.ivector("y")

    def compile():
        b = theano.shared(rng.uniform(-1, 1, 5).astype("float32"))
        loss = T.nnet.categorical_crossentropy(T.nnet.softmax(x + b), y)
        gradient = theano.grad(loss.mean(), b)
        return b, theano.function([x, y], [loss, gradient])

    b, function = compile()
    with on_host():
        c, expected = compile()
    c.set_value(b.get_value())
    values = rng.uniform(-2, 2, (3, 5)).astype("float32")
    targets = np.array([4, 0, 0], "int32")
    close(function(values, targets), expected(values, targets))


def test_table_kept_on_the_host_is_updated_there():
    kept = theano.shared(np.ones((NUM_ROWS, 2), "float32"), "kept", target="cpu")
    W = theano.shared(np.ones((NUM_ROWS, 2), "float32"), "W")
    x = T.ivector("x")
    total = (W[x] ** 2).sum() + (kept[x] ** 2).sum()
    rule = updates.apply_momentum(updates.adagrad(total, [kept, W], learning_rate=1))
    on_device = [v for v in rule if isinstance(v, GpuArraySharedVariable)]
    assert len(on_device) == len(rule) // 2
    function = theano.function([x], total, updates=rule)
    assert len(_nodes(function, GpuRowUpdate)) == 1
    assert len(_nodes(function, RowUpdate)) == 2
    assert tables_that_travel(function) == []
    for node in _nodes(function, GpuFromHost):
        assert node.inputs[0] not in function.maker.fgraph.inputs
    function([3, 3])
    np.testing.assert_array_equal(kept.get_value(), W.get_value())
    assert kept.get_value()[3, 0] < 0.5


def test_explain_names_what_travels():
    W = theano.shared(np.ones((NUM_ROWS, 2), "float32"), "W")
    x, y = T.ivector("x"), T.vector("y")
    total = ((W[x] ** 2).sum(axis=1) * y).sum()
    function = theano.function([x, y], total, updates=updates.sgd(total, [W], 0.1))
    explanation = explain(function)
    assert {t.name for t in explanation.transfers} >= {"y", "RowNumbers{table='W'}"}
    assert "W" not in {t.name for t in explanation.transfers}
    assert {a.does for a in explanation.accesses} == {"reads", "updates"}
    assert "To a GPU and back" in str(explanation)
    assert_sparse(function)


def test_explain_finds_a_table_that_travels():
    W = theano.shared(np.ones((NUM_ROWS, 2), "float32"), "W")
    function = theano.function([], W * 2)
    (transfer,) = explain(function, [W]).transfers
    assert transfer.op.startswith("HostFromGpu")
    with pytest.raises(AssertionError, match="HostFromGpu"):
        assert_sparse(function, [W])


OTHER_CONTEXT = """
import lasagne_sparse
import numpy as np
import theano
import theano.tensor as T
from lasagne_sparse.ops.gpu import GpuRowUpdate

W = theano.shared(np.ones((9, 2), 'float32'), 'W', target='dev0')
x = T.ivector('x')
updates = lasagne_sparse.updates.adagrad((W[x] ** 2).sum(), [W], learning_rate=1)
assert {v.type.context_name for v in updates} == {'dev0'}
step = theano.function([x], updates=updates)
nodes = step.maker.fgraph.toposort()
assert [n for n in nodes if isinstance(n.op, GpuRowUpdate)], nodes
outputs = step.maker.fgraph.outputs
names = {type(n.op).__name__ for n in nodes if n.outputs[0] in outputs}
assert names == {'GpuRowUpdate'}, names
step([3, 3])
np.testing.assert_allclose(W.get_value()[3], 0, atol=1e-6)
assert W.get_value()[4, 0] == 1
"""

TWO_CONTEXTS = """
import lasagne_sparse
import numpy as np
import pygpu
import sys
import theano
import theano.tensor as T
from lasagne_sparse.ops.gpu import GpuRowUpdate
from theano.gpuarray.basic_ops import GpuFromHost, HostFromGpu
from theano.gpuarray.type import reg_context

# Theano gives a device that has two names one context.
second = pygpu.init(sys.argv[1])
second.dev, second.cudnn_handle = sys.argv[1], None
reg_context('dev1', second)
tables = [
    theano.shared(np.ones((n, 2), 'float32'), target='dev%d' % k)
    for k, n in enumerate([9, 7])
]
x, y = T.ivectors('x', 'y')
losses = [(W[i] ** 2).sum() for W, i in zip(tables, [x, y])]
loss = losses[0].transfer('cpu') + losses[1].transfer('cpu')
updates = lasagne_sparse.updates.adagrad(loss, tables, learning_rate=1)
assert [v.type.context_name for v in updates] == ['dev0'] * 2 + ['dev1'] * 2
step = theano.function([x, y], loss, updates=updates)
nodes = step.maker.fgraph.toposort()
written = [n for n in nodes if isinstance(n.op, GpuRowUpdate)]
assert [len(n.op.inplace) for n in written] == [2, 2], nodes
inputs = step.maker.fgraph.inputs
for node in nodes:
    if isinstance(node.op, (GpuFromHost, HostFromGpu)):
        assert node.inputs[0] not in inputs, node
assert step([3, 3], [6, -7]) == 8
for W, rows in zip(tables, [[3], [0, 6]]):
    expected = np.ones(W.get_value().shape)
    expected[rows] = 0
    np.testing.assert_allclose(W.get_value(), expected, atol=1e-6)
"""


@pytest.mark.parametrize("program", [OTHER_CONTEXT, TWO_CONTEXTS], ids=["one", "two"])
def test_contexts_that_are_not_the_default(program):
    environment = dict(
        os.environ,
        THEANO_FLAGS="contexts=dev0->%s,floatX=float32,base_compiledir=%s"
        % (theano.config.device, theano.config.base_compiledir),
    )
    # Theano refuses a device to the children of a process that has one.
    environment.pop("THEANO_GPU_IS_ALREADY_ACTIVE", None)
    result = subprocess.run(
        [sys.executable, "-c", program, theano.config.device],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    assert result.returncode == 0, result.stdout
