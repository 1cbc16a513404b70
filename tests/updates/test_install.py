"""Programs whose imports cannot be changed: ours in the place of Lasagne's"""

import importlib
import pickle
import sys
import textwrap

import lasagne_sparse
import lasagne
import numpy as np
import pytest
import theano
import theano.tensor as T
from toy import NUM_ROWS, SOME_ROWS, close, fast_compiled, new_table, same_bits

__all__ = []

ORIGINALS = dict(vars(lasagne.updates))
STOCK = lasagne.layers.EmbeddingLayer


@pytest.fixture(autouse=True)
def installed():
    """Each test runs with ours installed, and leaves Lasagne as it was"""
    lasagne_sparse.install()
    yield
    lasagne_sparse.uninstall()
    assert dict(vars(lasagne.updates)) == ORIGINALS


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Writes a program that is imported only now, and imports it"""

    def write(text):
        (tmp_path / "their_program.py").write_text(textwrap.dedent(text))
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "their_program", raising=False)
        importlib.invalidate_caches()
        return importlib.import_module("their_program")

    yield write
    sys.modules.pop("their_program", None)


def trains_sparsely(layer, rule, **kwargs):
    """Tells whether a step of a rule keeps the bits and history of other rows"""
    x = T.imatrix()
    network = layer(lasagne.layers.InputLayer((2, 5), x), NUM_ROWS, 3)
    loss = T.sum(lasagne.layers.get_output(network) ** 2)
    updates = rule(loss, lasagne.layers.get_all_params(network), **kwargs)
    step = fast_compiled([x], loss, updates=updates)
    step(np.arange(NUM_ROWS, dtype="int32").repeat(2).reshape(-1, 2))
    before = [s.get_value() for s in updates]
    step(SOME_ROWS)
    return all(
        np.array_equal(old[[0, 2, 3, 5]], shared.get_value()[[0, 2, 3, 5]])
        for shared, old in zip(updates, before)
        if old.ndim == 2
    )


@pytest.mark.parametrize(
    "name",
    [
        "sgd",
        "momentum",
        "nesterov_momentum",
        "adagrad",
        "rmsprop",
        "adadelta",
        "adam",
        "adamax",
        "amsgrad",
        "apply_momentum",
        "apply_nesterov_momentum",
        "norm_constraint",
        "total_norm_constraint",
        "get_or_compute_grads",
    ],
)
def test_rule_by_attribute_is_ours(name):
    assert getattr(lasagne.updates, name) is getattr(lasagne_sparse.updates, name)


def test_layer_by_attribute_is_ours():
    assert lasagne.layers.EmbeddingLayer is lasagne_sparse.layers.EmbeddingLayer


def test_layer_by_its_module_is_the_stock_layer_and_trains_sparsely():
    assert lasagne.layers.embedding.EmbeddingLayer is STOCK
    assert trains_sparsely(STOCK, lasagne.updates.adam)


def test_program_that_takes_all_by_attribute(program):
    theirs = program(
        """
        import lasagne

        def build(incoming, rows, units):
            return lasagne.layers.EmbeddingLayer(incoming, rows, units)

        def train(loss, params):
            return lasagne.updates.adam(loss, params, learning_rate=0.1)
        """
    )
    assert trains_sparsely(theirs.build, theirs.train)


def test_program_with_a_rule_as_default_argument(program):
    theirs = program(
        """
        import lasagne

        def train(loss, params, update=lasagne.updates.rmsprop):
            return update(loss, params)
        """
    )
    assert trains_sparsely(STOCK, theirs.train)


@pytest.mark.parametrize("name", ["adadelta", "momentum"])
def test_program_that_looks_rules_up_by_name(program, name):
    theirs = program(
        """
        import lasagne

        def rule(name):
            return lasagne.updates.__dict__[name]
        """
    )
    assert trains_sparsely(STOCK, theirs.rule(name), learning_rate=0.1)


def test_program_that_imports_names(program):
    theirs = program(
        """
        from lasagne.layers import EmbeddingLayer
        from lasagne.updates import adam, total_norm_constraint
        """
    )
    assert trains_sparsely(theirs.EmbeddingLayer, theirs.adam)
    assert theirs.EmbeddingLayer is lasagne_sparse.layers.EmbeddingLayer


def test_program_that_imports_all_layers(program):
    theirs = program("from lasagne.layers import *")
    assert theirs.EmbeddingLayer is lasagne_sparse.layers.EmbeddingLayer


def test_program_that_imports_all_updates(program):
    theirs = program("from lasagne.updates import *")
    assert theirs.adam is lasagne_sparse.updates.adam
    # Lasagne 0.1 has none.
    assert theirs.amsgrad is lasagne_sparse.updates.amsgrad


def test_program_that_renames(program):
    theirs = program("import lasagne.updates as U, lasagne.layers as L")
    assert theirs.U.adam is lasagne_sparse.updates.adam
    assert theirs.L.EmbeddingLayer is lasagne_sparse.layers.EmbeddingLayer


def test_program_that_makes_a_subclass_of_the_layer(program):
    theirs = program(
        """
        import lasagne

        class Words(lasagne.layers.EmbeddingLayer):
            def __init__(self, incoming, rows, units, **kwargs):
                super(Words, self).__init__(incoming, rows, units, **kwargs)
                self.doubled = True

            def get_output_for(self, input, **kwargs):
                return 2 * super(Words, self).get_output_for(input, **kwargs)
        """
    )
    assert trains_sparsely(theirs.Words, lasagne.updates.adam)


def test_program_with_a_rule_of_its_own_over_lasagnes(program):
    theirs = program(
        """
        import lasagne

        def clipped(loss, params, **kwargs):
            import theano
            grads = lasagne.updates.total_norm_constraint(theano.grad(loss, params), 1)
            updates = lasagne.updates.rmsprop(grads, params, **kwargs)
            return lasagne.updates.apply_nesterov_momentum(updates, params)
        """
    )
    assert trains_sparsely(STOCK, theirs.clipped)


def test_rules_that_lasagne_lacks_are_added():
    assert lasagne.updates.rowwise_adagrad is lasagne_sparse.updates.rowwise_adagrad


def test_layer_is_still_an_instance_of_the_stock_layer():
    layer = lasagne.layers.EmbeddingLayer((None,), 5, 2)
    assert isinstance(layer, STOCK)


def test_second_install_does_nothing():
    lasagne_sparse.install()
    lasagne_sparse.uninstall()
    assert lasagne.updates.adam is ORIGINALS["adam"]


def test_uninstall_puts_everything_back():
    lasagne_sparse.uninstall()
    assert lasagne.updates.adam is ORIGINALS["adam"]
    assert lasagne.layers.EmbeddingLayer is STOCK
    assert not hasattr(lasagne.updates, "rowwise_adagrad")


def test_uninstall_without_install_does_nothing():
    lasagne_sparse.uninstall()
    lasagne_sparse.uninstall()
    assert lasagne.updates.adam is ORIGINALS["adam"]


def test_install_after_uninstall():
    lasagne_sparse.uninstall()
    lasagne_sparse.install()
    assert lasagne.updates.adam is lasagne_sparse.updates.adam


def test_ours_do_not_call_themselves():
    # Ours are made of Lasagne's own, which are not theirs to call any more.
    W = theano.shared(np.ones((3, 2), theano.config.floatX))
    updates = lasagne.updates.apply_momentum(lasagne.updates.sgd(W[[1]].sum(), [W], 1))
    fast_compiled([], updates=updates)()
    same_bits(W.get_value()[[0, 2]], np.ones((2, 2), theano.config.floatX))


def test_pickle_of_a_network_made_by_an_installed_name_loads_without_install():
    data = pickle.dumps(lasagne.layers.EmbeddingLayer((None,), 5, 2))
    lasagne_sparse.uninstall()
    assert isinstance(pickle.loads(data), lasagne_sparse.layers.EmbeddingLayer)


def test_pickle_of_a_stock_network_loads_and_works():
    # Saved by a program before it knew of us.
    lasagne_sparse.uninstall()
    stock = STOCK((None, 5), NUM_ROWS, 3)
    data = pickle.dumps(stock)
    lasagne_sparse.install()
    layer = pickle.loads(data)
    output = layer.get_output_for(T.constant(SOME_ROWS))
    assert fast_compiled([], output)().shape == (2, 5, 3)


@pytest.mark.parametrize("name", ["momentum", "nesterov_momentum"])
def test_rule_that_calls_other_rules_gives_the_same_results(name):
    def trained():
        x = T.ivector()
        W = new_table()
        updates = getattr(lasagne_sparse.updates, name)(T.sum(W[x] ** 2), [W], 0.1)
        step = fast_compiled([x], updates=updates)
        for batch in ([1, 2, 1], [], [-1, 1]):
            step(np.array(batch, "int32"))
        return W.get_value()

    installed = trained()
    lasagne_sparse.uninstall()
    close(installed, trained())
