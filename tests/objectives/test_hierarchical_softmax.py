"""Is a hierarchical softmax a distribution, over Huffman's tree, at a path's cost?"""

import heapq

import numpy as np
import pytest
import theano
import theano.tensor as T
from hypothesis import given
from hypothesis import strategies as st
from lasagne_sparse import assert_sparse, objectives, updates
from lasagne_sparse.objectives import HuffmanTree
from loss_pieces import float64
from modes import compiling_with

COUNTS = np.array([50.0, 3, 8, 8, 1, 20, 2])


def cost(counts, lengths):
    return float(np.dot(counts, lengths))


def least_cost(counts):
    """The sum of all inner nodes: Huffman (1952)"""
    heap = list(counts)
    heapq.heapify(heap)
    total = 0.0
    while len(heap) > 1:
        both = heapq.heappop(heap) + heapq.heappop(heap)
        total += both
        heapq.heappush(heap, both)
    return total


def softplus(x):
    return np.log1p(np.exp(-abs(x))) + max(x, 0)


def by_paths(h, k, W, b, tree):
    """GROWTH: -ln P = sum_j softplus(-(1 - 2 d_j) <theta_j, h>)"""
    return sum(
        softplus(-(1 - 2 * d) * (W[j] @ h + b[j]))
        for j, d in zip(tree.path(k), tree.code(k))
    )


# --- The tree ----------------


@given(counts=st.lists(st.integers(0, 9), min_size=2, max_size=40))
def test_no_tree_is_shorter(counts):
    counts = np.array(counts, float)
    if not counts.any():
        counts[0] = 1
    tree = HuffmanTree(counts)
    codes = [tuple(tree.code(k)) for k in range(len(counts))]
    lengths = [len(code) for code in codes]
    assert cost(counts, lengths) == least_cost(counts)
    assert sum(2.0**-n for n in lengths) == 1  # Kraft: every leaf is a class
    for code in codes:
        assert not any(code == other[: len(code)] for other in codes if other != code)
    assert len(set(codes)) == len(codes)


@given(counts=st.lists(st.integers(0, 99), min_size=2, max_size=30))
def test_paths_go_down_from_the_root_as_codes_say(counts):
    tree = HuffmanTree(np.array(counts) + 1)
    child = {}
    for k in range(tree.num_classes):
        path, code = tree.path(k), tree.code(k)
        assert path[0] == tree.num_nodes - 1
        for j, d, below in zip(path, code, list(path[1:]) + ["leaf %d" % k]):
            assert child.setdefault((j, d), below) == below
    assert len(child) == 2 * tree.num_nodes


def test_codes_are_those_of_gensim():
    word2vec = pytest.importorskip("gensim.models.word2vec")
    vectors = pytest.importorskip("gensim.models.keyedvectors").KeyedVectors(1)
    rng = np.random.RandomState(3)
    # large numbers, so that no two nodes have one count: then there is one tree
    counts = rng.zipf(1.5, 200) * 10**9 + rng.randint(10**9, size=200)
    counts = np.sort(counts)[::-1]
    vectors.add_vectors([str(k) for k in range(200)], np.zeros((200, 1)))
    for k, count in enumerate(counts):
        vectors.set_vecattr(str(k), "count", int(count))
    word2vec._assign_binary_codes(vectors)
    tree = HuffmanTree(counts)
    for k in range(200):
        np.testing.assert_array_equal(tree.code(k), vectors.get_vecattr(k, "code"))
        np.testing.assert_array_equal(tree.path(k), vectors.get_vecattr(k, "point"))


@pytest.mark.parametrize("counts", [[3], []])
def test_a_tree_has_two_classes_at_least(counts):
    with pytest.raises(ValueError, match="counts"):
        HuffmanTree(counts)


def test_counts_of_a_tree_are_checked():
    with pytest.raises(ValueError, match="got -1.0 for class 1"):
        HuffmanTree([3, -1])


# --- The loss ----------------


@pytest.fixture(scope="module")
def compiled():
    """tree, W, b, and a function of h and targets: losses, gradients, all ln P"""
    rng = np.random.RandomState(5)
    tree = HuffmanTree(COUNTS)
    with float64():
        W, b = theano.shared(rng.randn(6, 3), "W"), theano.shared(rng.randn(6), "b")
        h, targets = T.matrix(), T.ivector()
        loss = objectives.hierarchical_softmax(h, targets, W, b, tree)
        everything = objectives.hierarchical_log_probabilities(h, W, b, tree)
        gradients = theano.grad(loss.sum(), [h, W, b])
        f = theano.function([h, targets], [loss, everything] + gradients)
    return tree, W.get_value(), b.get_value(), f


def test_loss_is_that_of_the_path(compiled, rng):
    tree, W, b, f = compiled
    h, targets = rng.randn(8, 3), np.array([0, 1, 2, 3, 4, 5, 6, -1], "int32")
    loss, everything = f(h, targets)[:2]
    wanted = [by_paths(x, k % 7, W, b, tree) for x, k in zip(h, targets)]
    np.testing.assert_allclose(loss, wanted, rtol=1e-10)
    np.testing.assert_allclose(loss, -everything[np.arange(8), targets], rtol=1e-10)


def test_probabilities_sum_to_one(compiled, rng):
    everything = compiled[3](5 * rng.randn(4, 3), np.zeros(4, "int32"))[1]
    np.testing.assert_allclose(np.exp(everything).sum(axis=1), 1, rtol=1e-12)


def test_gradients_are_finite_differences(compiled, rng):
    tree, W, b, f = compiled
    h, targets = rng.randn(3, 3), np.array([4, 0, 4], "int32")
    found = f(h, targets)[2:]

    def total():
        return sum(by_paths(x, k, W, b, tree) for x, k in zip(h, targets))

    for array, gradient in zip((h, W, b), found):
        for place in np.ndindex(*array.shape):
            before = array[place]
            array[place] = before + 1e-6
            above = total()
            array[place] = before - 1e-6
            below = total()
            array[place] = before
            np.testing.assert_allclose(
                gradient[place], (above - below) / 2e-6, atol=1e-7
            )


@pytest.mark.parametrize("rule", ["adagrad", "adam"])
def test_only_nodes_on_the_path_change(rule):
    counts = 1 / np.arange(1.0, 101)
    tree = HuffmanTree(counts)
    floatX = theano.config.floatX
    W = theano.shared(np.ones((99, 3), floatX), "W")
    b = theano.shared(np.ones(99, floatX), "b")
    h, targets = T.matrix(), T.ivector()
    loss = objectives.hierarchical_softmax(h, targets, W, b, tree).mean()
    with compiling_with(linker="py"):
        changes = getattr(updates, rule)(loss, [W, b], learning_rate=0.1)
        step = theano.function([h, targets], loss, updates=changes)
    assert_sparse(step, [W, b])
    seen = np.zeros(99, bool)
    for true in ([0, 5], [70, 70]):  # rows of the first batch are away in the second
        before = W.get_value(), b.get_value()
        step(np.ones((2, 3), floatX), np.array(true, "int32"))
        path = np.zeros(99, bool)
        for k in true:
            path[tree.path(k)] = True
        np.testing.assert_array_equal((W.get_value() != before[0]).any(axis=1), path)
        np.testing.assert_array_equal(b.get_value() != before[1], path)
        seen |= path
    assert not seen.all()


def test_target_out_of_range_is_named(compiled):
    with pytest.raises(IndexError, match="index 7 at position 1 .* 'classes' with 7"):
        compiled[3](np.ones((2, 3)), np.array([0, 7], "int32"))


def test_several_true_classes_are_refused():
    with pytest.raises(TypeError, match="a class for each example, got"):
        objectives.hierarchical_softmax(
            T.matrix(), T.imatrix(), T.matrix(), None, HuffmanTree([1, 2])
        )
