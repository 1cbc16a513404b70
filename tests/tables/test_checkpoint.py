"""Training that goes on from a checkpoint is training that never stopped"""

import lasagne
import numpy as np
import pytest
import scipy.sparse
import theano
import theano.sparse
import theano.tensor as T
from lasagne_sparse import updates as rules
from lasagne_sparse.layers import EmbeddingLayer
from lasagne_sparse.tables import FileError, checkpoint
from modes import compiling_with
from theano.tensor.shared_randomstreams import RandomStreams

ROWS, UNITS = 60, 4
RULES = [
    "sgd",
    "momentum",
    "nesterov_momentum",
    "adagrad",
    "rmsprop",
    "adadelta",
    "adam",
    "adamax",
    "amsgrad",
    "rowwise_adagrad",
]


class Run:
    """A network with dropout, its updates, and its trainer"""

    def __init__(self, rule="adam", rows=ROWS, seed=0, dense=True, wrap=None):
        lasagne.random.set_rng(np.random.RandomState(seed))
        x = T.imatrix("x")
        layer = lasagne.layers.InputLayer((None, 3), x)
        layer = EmbeddingLayer(layer, rows, UNITS, name="words")
        layer = lasagne.layers.DropoutLayer(layer, name="dropout")
        if dense:
            layer = lasagne.layers.DenseLayer(layer, 2, name="out")
        self.rate = theano.shared(np.array(0.1, theano.config.floatX), "rate")
        self.network = layer
        loss = (lasagne.layers.get_output(layer) ** 2).mean()
        params = lasagne.layers.get_all_params(layer, trainable=True)
        self.updates = getattr(rules, rule)(loss, params, learning_rate=self.rate)
        if wrap:
            self.updates = wrap(self.updates, params)
        with compiling_with(linker="py"):
            self.train = theano.function([x], loss, updates=self.updates)
        self.variables = checkpoint.named_variables(self.updates, layer)

    def go(self, start, stop):
        return [float(self.train(batch)) for batch in BATCHES[start:stop]]

    def bits(self):
        return {
            name: np.asarray(v.get_value()).tobytes()
            for name, v in self.variables.items()
        }


BATCHES = np.random.RandomState(7).randint(ROWS, size=(100, 5, 3)).astype("int32")


@pytest.fixture(scope="module")
def adam():
    return Run()


@pytest.mark.parametrize("rule", RULES)
def test_50_and_50_steps_are_100_bit_by_bit(tmp_path, rule):
    run = Run(rule, dense=False)
    run.go(0, 50)
    checkpoint.save(str(tmp_path), run.updates, run.network)
    losses, bits = run.go(50, 100), run.bits()
    checkpoint.load(str(tmp_path), run.updates, run.network)
    assert run.bits() != bits
    assert run.go(50, 100) == losses
    assert run.bits() == bits


def test_program_that_is_built_anew_goes_on(tmp_path, adam):
    checkpoint.save(str(tmp_path), adam.updates, adam.network)
    losses, bits = adam.go(0, 20), adam.bits()
    other = Run(seed=1)
    other.rate.set_value(np.array(0.7, theano.config.floatX))
    loaded = checkpoint.load(str(tmp_path), other.updates, other.network)
    assert loaded.loaded == [
        "words.W",
        "out.W",
        "out.b",
        "words.W/adam/m",
        "words.W/adam/v",
        "out.W/adam/m",
        "out.W/adam/v",
        "out.b/adam/m",
        "out.b/adam/v",
        "adam/t",
        "random/0",
        "rate",
    ]
    assert other.go(0, 20) == losses
    assert other.bits() == bits


def test_momentum_on_top_of_a_rule_goes_on(tmp_path):
    def wrap(updates, params):
        return rules.apply_momentum(updates, params)

    run = Run("adagrad", dense=False, wrap=wrap)
    run.go(0, 5)
    checkpoint.save(str(tmp_path), run.updates, run.network)
    losses = run.go(5, 20)
    checkpoint.load(str(tmp_path), run.updates, run.network)
    assert run.go(5, 20) == losses


def test_rule_of_lasagne_goes_on_too(tmp_path):
    W = theano.shared(np.ones((5, 2)), "W")
    updates = lasagne.updates.adam((W[[1, 2]] ** 2).sum(), [W])
    with compiling_with(linker="py"):
        train = theano.function([], updates=updates)
    train()
    checkpoint.save(str(tmp_path), updates)
    train()
    after = [v.get_value() for v in updates]
    checkpoint.load(str(tmp_path), updates)
    train()
    for value, variable in zip(after, updates):
        np.testing.assert_array_equal(value, variable.get_value())


def test_incremental_checkpoints_of_a_run_go_on(tmp_path, adam):
    folder = str(tmp_path)
    for step in range(4):
        checkpoint.save(folder, adam.updates, adam.network, keep=None, incremental=True)
        if step < 3:
            adam.go(10 * step, 10 * step + 2)
    bits = adam.bits()
    for number in (2, 4):
        checkpoint.load(folder, adam.updates, adam.network, number=number)
        if number == 2:
            adam.go(10, 12), adam.go(20, 22)
        assert adam.bits() == bits


def test_streams_of_numpy_go_on(tmp_path):
    W = theano.shared(np.zeros((4, 2)), "W")
    noise = RandomStreams(3).normal((4, 2))
    updates = {W: W + T.cast(noise, W.dtype)}
    with compiling_with(linker="py"):
        train = theano.function([], updates=updates)
    train()
    checkpoint.save(str(tmp_path), updates)
    train()
    after = W.get_value()
    train()
    checkpoint.load(str(tmp_path), updates)
    train()
    np.testing.assert_array_equal(W.get_value(), after)


# --- What the program keeps itself ----------------


def own(tmp_path, **values):
    checkpoint.save(str(tmp_path), **values)
    return checkpoint.load(str(tmp_path)).extra


def test_values_of_the_program_come_back(tmp_path):
    value = [1, 2**80, -0.0, float("inf"), "wört\ud800", None, True, b"\0x"]
    value += [(1, [2]), {"a": {3: (4,)}}, np.float32(5), np.int64(6)]
    found = own(tmp_path, value=value)["value"]
    assert found == value
    assert [type(v) for v in found[:-3]] == [type(v) for v in value[:-3]]
    assert found[-2].dtype == "float32" and np.signbit(found[2])
    found = own(
        tmp_path, big=np.arange(6, dtype=">i4").reshape(2, 3)[:, ::-1], n=1e-300
    )
    np.testing.assert_array_equal(found["big"], [[2, 1, 0], [5, 4, 3]])
    assert found["n"] == 1e-300 and np.isnan(own(tmp_path, n=float("nan"))["n"])


@pytest.mark.parametrize("make", [np.random.RandomState, np.random.default_rng])
def test_random_states_go_on(tmp_path, make):
    random = make(3)
    random.normal(size=3)
    checkpoint.save(str(tmp_path), random=random)
    draws = random.normal(size=3)
    found = checkpoint.load(str(tmp_path), random=random).extra["random"]
    np.testing.assert_array_equal(random.normal(size=3), draws)
    np.testing.assert_array_equal(found.normal(size=3), draws)


def test_shared_variable_of_the_program_is_given_its_value(tmp_path):
    epoch = theano.shared(np.int64(3))
    checkpoint.save(str(tmp_path), epoch=epoch)
    epoch.set_value(np.int64(9))
    checkpoint.load(str(tmp_path), epoch=epoch)
    assert epoch.get_value() == 3


@pytest.mark.parametrize(
    "value, path",
    [
        (object(), "extra['value']"),
        ([1, {"a": {1, 2}}], "extra['value'][1]['a']"),
        (np.array([None]), "extra['value']"),
        (np.array(["text"]), "extra['value']"),
    ],
)
def test_value_that_cannot_be_saved_is_named_and_nothing_is_written(
    tmp_path, value, path
):
    with pytest.raises(TypeError) as error:
        checkpoint.save(str(tmp_path / "new"), value=value)
    assert path in str(error.value)
    assert not (tmp_path / "new").exists()


def test_object_that_takes_no_state_is_named_before_anything_is_written(tmp_path, adam):
    random = np.random.RandomState(1)
    checkpoint.save(str(tmp_path), adam.updates, adam.network, random=random, list=[1])
    adam.go(0, 1)
    bits, state = adam.bits(), random.normal()
    with pytest.raises(TypeError, match="list is of type list.*result.extra"):
        checkpoint.load(
            str(tmp_path), adam.updates, adam.network, random=random, list=[]
        )
    with pytest.raises(FileError, match="value random is of type RandomState"):
        other = np.random.default_rng(1)
        checkpoint.load(str(tmp_path), adam.updates, adam.network, random=other)
    with pytest.raises(FileError, match="has no value epoch: it has random, list"):
        checkpoint.load(str(tmp_path), adam.updates, adam.network, epoch=random)
    assert adam.bits() == bits and random.normal() != state


# --- A network that was changed ----------------


def test_changed_network_is_told_what_does_not_fit(tmp_path, adam):
    checkpoint.save(str(tmp_path), adam.updates, adam.network)
    other = Run("adagrad", rows=ROWS + 1)
    bits = other.bits()
    with pytest.raises(FileError) as error:
        checkpoint.load(str(tmp_path), other.updates, other.network)
    assert other.bits() == bits
    told = str(error.value)
    kind = theano.config.floatX
    assert "does not fit: words.W: 60 x 4 of %s there, 61 x 4" % kind in told
    assert "not in the checkpoint: out.W/adagrad/accu" in told
    assert "only in the checkpoint: words.W/adam/m" in told
    assert "strict=False" in told


def test_changed_network_loads_what_fits(tmp_path, adam):
    checkpoint.save(str(tmp_path), adam.updates, adam.network)
    other = Run("adagrad", rows=ROWS + 1)
    table = other.variables["words.W"].get_value()
    loaded = checkpoint.load(str(tmp_path), other.updates, other.network, strict=False)
    assert loaded.loaded == ["out.W", "out.b", "random/0", "rate"]
    assert loaded.unfit.keys() == {"words.W"}
    np.testing.assert_array_equal(other.variables["words.W"].get_value(), table)
    for name in loaded.loaded:
        np.testing.assert_array_equal(
            np.asarray(other.variables[name].get_value()),
            np.asarray(adam.variables[name].get_value()),
        )


def test_network_alone_takes_its_parameters(tmp_path, adam):
    """For a program that does not train"""
    checkpoint.save(str(tmp_path), adam.updates, adam.network)
    other = Run(seed=5)
    loaded = checkpoint.load(str(tmp_path), network=other.network)
    assert loaded.loaded == ["words.W", "out.W", "out.b"]
    assert "adam/t" in loaded.unused
    with pytest.raises(FileError, match="not in the checkpoint: more"):
        more = theano.shared(np.zeros(2), "more")
        checkpoint.load(str(tmp_path), network=[more])


def test_what_is_no_array_is_named_and_nothing_is_written(tmp_path):
    matrix = theano.sparse.shared(scipy.sparse.eye(3, format="csr"), "S")
    with pytest.raises(TypeError, match="cannot save S, a sparse matrix"):
        checkpoint.save(str(tmp_path / "new"), {matrix: matrix})
    assert not (tmp_path / "new").exists()


def test_altered_checkpoint_changes_no_variable(tmp_path, adam):
    checkpoint.save(str(tmp_path), adam.updates, adam.network)
    adam.go(0, 2)
    bits, path = adam.bits(), tmp_path / "00000001-00000.data"
    data = bytearray(path.read_bytes())
    data[len(data) - 1] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(FileError, match="is altered"):
        checkpoint.load(str(tmp_path), adam.updates, adam.network)
    assert adam.bits() == bits


# --- Names, arguments ----------------


def test_tables_of_one_name_are_told_apart():
    tables = [theano.shared(np.ones((3, 2)), "W") for _ in range(2)]
    updates = rules.adam(sum(W[[1]].sum() for W in tables), tables)
    names = list(checkpoint.named_variables(updates, tables[::-1]))
    assert names[:2] == ["W", "W#2"]
    assert {"W/adam/m", "W#2/adam/m", "adam/t"} < set(names)
    named = checkpoint.named_variables(updates, tables[::-1])
    slot = named["W#2/adam/m"].tag.lasagne_sparse_slot
    assert named["W#2"] is slot.table is tables[0]


def test_data_that_is_only_read_is_not_saved():
    W = theano.shared(np.ones((3, 2)), "W")
    data = theano.shared(np.ones((50, 2)), "data")
    updates = rules.sgd((W[[1]] * data).sum(), [W], learning_rate=0.1)
    assert list(checkpoint.named_variables(updates)) == ["W"]


@pytest.mark.parametrize("options", [{"keep": 0}, {"shard_bytes": 0}])
def test_numbers_below_one_are_refused(tmp_path, options):
    with pytest.raises(ValueError, match="must be 1 or more, got 0"):
        checkpoint.save(str(tmp_path), **options)


def test_updates_must_be_of_shared_variables(tmp_path):
    with pytest.raises(TypeError, match="list of such dicts, got"):
        checkpoint.save(str(tmp_path), theano.shared(1.0))
    with pytest.raises(TypeError, match="updates must be of shared variables"):
        checkpoint.save(str(tmp_path), {T.scalar("x"): 1})


def test_array_on_a_file_is_written_in_place(tmp_path):
    value = np.memmap(str(tmp_path / "W"), "float32", "w+", shape=(3, 2))
    W = theano.shared(value, "W", borrow=True, target="cpu")
    checkpoint.save(str(tmp_path / "saved"), {W: W + 1})
    value[...] = 5
    checkpoint.load(str(tmp_path / "saved"), {W: W + 1})
    assert value[0, 0] == 0
    assert np.shares_memory(W.get_value(borrow=True), value)
