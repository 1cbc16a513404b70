"""Are sampled losses and their gradients those of their papers?"""

import functools

import numpy as np
import loss_oracle as oracle
import pytest
import theano
import theano.tensor as T
from hypothesis import given
from hypothesis import strategies as st
from lasagne_sparse import objectives
from lasagne_sparse.samplers import LogUniformSampler, UnigramSampler, in_batch
from loss_pieces import LOSSES, NUM_CLASSES, compiled, float64, values

SHAPES = [None, 2]


@pytest.fixture(scope="module")
def functions():
    """compiled(...), once for each of its arguments"""
    return functools.lru_cache(maxsize=None)(compiled)


def numeric(f, array, step=1e-6):
    """The gradient of a sum by central differences"""
    found = np.zeros_like(array)
    for place in np.ndindex(*array.shape):
        before = array[place]
        array[place] = before + step
        above = f().sum()
        array[place] = before - step
        below = f().sum()
        array[place] = before
        found[place] = (above - below) / (2 * step)
    return found


# --- Values and gradients ----------------


@pytest.mark.parametrize("remove", [False, True])
@pytest.mark.parametrize("num_true", SHAPES)
@given(
    sample=st.lists(st.integers(0, NUM_CLASSES - 1), min_size=1, max_size=12),
    seed=st.integers(0, 2**31),
)
def test_losses_are_those_of_the_papers(functions, num_true, remove, sample, seed):
    rng = np.random.RandomState(seed)
    h, W, b = values(rng, 3)
    log_q = rng.randn(NUM_CLASSES)
    shape = (3,) if num_true is None else (3, num_true)
    targets = rng.randint(NUM_CLASSES, size=shape).astype("int32")
    found = functions(num_true, remove)(h, W, b, targets, sample, log_q)
    for name, loss in found.items():
        wanted = getattr(oracle, name)(
            h, targets.reshape(3, -1), W, b, sample, log_q, remove
        )
        np.testing.assert_allclose(loss, wanted, 1e-7, 1e-8, err_msg=name)


@pytest.mark.parametrize("num_true", SHAPES)
def test_gradients_are_those_of_the_papers(functions, num_true, rng):
    h, W, b = values(rng, 3)
    log_q, sample = rng.randn(NUM_CLASSES), [2, 5, 5, 0, 8]
    targets = np.array([5, 1, 0], "int32")
    if num_true:
        targets = np.array([[5, 1], [2, 2], [7, 0]], "int32")
    found = functions(num_true, True, True)(h, W, b, targets, sample, log_q)
    for name in LOSSES if num_true is None else LOSSES[:3]:
        loss, true = getattr(oracle, name), targets.reshape(3, -1)
        total = functools.partial(loss, h, true, W, b, sample, log_q, True)
        for k, array in enumerate((h, W, b)):
            np.testing.assert_allclose(
                found["%s/%d" % (name, k)],
                numeric(total, array),
                atol=1e-7,
                err_msg=name,
            )


def test_sample_of_nothing_but_the_true_class_gives_numbers(functions, rng):
    h, W, b = values(rng, 2)
    targets = np.array([3, 4], "int32")
    f = functions(None, True, True)
    found = f(h, W, b, targets, [4, 4], np.zeros(NUM_CLASSES))
    assert all(np.isfinite(array).all() for array in found.values())
    for name in ("bpr", "bpr_max", "top1_max", "sampled_softmax"):
        assert found[name][1] == 0  # the second example has nothing to compare


@pytest.mark.parametrize("scale", [-1e3, 1e3])
def test_large_scores_give_numbers(functions, scale, rng):
    h, W, b = values(rng, 2)
    targets = np.array([3, 4], "int32")
    f = functions(None, True, True)
    found = f(scale * h, W, b, targets, [1, 3, 4], np.zeros(NUM_CLASSES))
    assert all(np.isfinite(array).all() for array in found.values())


def test_there_may_be_no_biases(functions, rng):
    h, W, b = values(rng, 2)
    targets, sample = np.array([3, 4], "int32"), [1, 3, 4]
    log_q = np.zeros(NUM_CLASSES)
    found = functions(None, True)(h, W, 0 * b, targets, sample, log_q)
    with float64():
        for name, loss in found.items():
            without = getattr(objectives, name)(
                h, targets, W, None, T.constant(sample), remove_accidental_hits=True
            )
            np.testing.assert_allclose(without.eval(), loss, rtol=1e-12)


def test_regularization_weighs_the_squares_of_negatives(rng):
    h, W, b = values(rng, 3)
    sample, targets = [1, 2, 3], np.array([3, 4, 5], "int32")
    with float64():
        loss = objectives.bpr_max(h, targets, W, b, T.constant(sample), 0.25)
        found = loss.eval()
    wanted = oracle.bpr_max(
        h, targets[:, None], W, b, sample, np.zeros(NUM_CLASSES), True, 0.25
    )
    np.testing.assert_allclose(found, wanted)


# --- Against the full softmax ----------------


def test_all_classes_once_are_the_full_softmax(functions, rng):
    h, W, b = values(rng, 5)
    targets = rng.randint(NUM_CLASSES, size=5).astype("int32")
    order = rng.permutation(NUM_CLASSES)
    f = functions(None, True, True)
    found = f(h, W, b, targets, order, np.zeros(NUM_CLASSES))
    with float64():
        x = T.matrix()
        parts = [theano.shared(W), theano.shared(b)]
        full = T.nnet.categorical_crossentropy(
            T.nnet.softmax(T.dot(x, parts[0].T) + parts[1]), targets
        )
        wanted = theano.function([x], [full] + theano.grad(full.sum(), [x] + parts))(h)
    for key, theirs in zip(["", "/0", "/1", "/2"], wanted):
        ours = found["sampled_softmax" + key]
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-13)


def test_estimate_of_the_gradient_converges(rng):
    num_classes = 200
    h, W = rng.randn(4, 6), rng.randn(num_classes, 6)
    targets = np.array([0, 3, 50, 7], "int32")
    with float64():
        x, size = T.matrix(), T.lscalar()
        sampler = LogUniformSampler(num_classes, seed=3)
        loss = objectives.sampled_softmax(
            x, targets, W, None, sampler.draw(size, unique=False)
        )
        f = theano.function([x, size], theano.grad(loss.sum(), x))
        exact = -objectives.log_probabilities(x, T.constant(W))
        exact = exact[np.arange(4), targets].sum()
        wanted = theano.function([x], theano.grad(exact, x))(h)
    errors = []
    for size in (20, 200, 2000):
        mean = np.mean([f(h, size) for _ in range(30)], axis=0)
        errors.append(np.linalg.norm(mean - wanted) / np.linalg.norm(wanted))
    assert errors[0] > 2 * errors[1] > 4 * errors[2]
    assert errors[2] < 0.02


def test_nce_learns_probabilities_without_a_sum():
    """At the optimum exp(z) is the data's distribution, normalised by itself"""
    data = np.array([0.5, 0.25, 0.15, 0.1])
    with float64():
        b = theano.shared(np.zeros(4), "b")
        W = T.constant(np.zeros((4, 1)))
        sample = UnigramSampler([1, 1, 2, 2], seed=5).draw(200, unique=False)
        losses = objectives.nce(np.zeros((4, 1)), np.arange(4), W, b, sample)
        loss = T.dot(losses, data)
        step = theano.function([], updates=[(b, b - 0.2 * theano.grad(loss, b))])
        mean = np.zeros(4)
        for k in range(400):
            step()
            mean += b.get_value() / 200 * (k >= 200)
    np.testing.assert_allclose(np.exp(mean), data, rtol=0.07)


# --- In the batch ----------------


def test_in_batch_softmax_compares_with_the_other_classes_of_the_batch(rng):
    h, W, b = values(rng, 4)
    targets = np.array([1, 3, 1, 7], "int32")
    counts = np.arange(1.0, NUM_CLASSES + 1)
    with float64():
        sampler = UnigramSampler(counts, seed=1)
        found = objectives.in_batch_softmax(h, targets, W, b, sampler).eval()
        plain = objectives.in_batch_softmax(h, targets, W).eval()
    log_q = np.log(4 * counts / counts.sum())
    true = targets[:, None]
    np.testing.assert_allclose(
        found, oracle.sampled_softmax(h, true, W, b, targets, log_q), rtol=1e-10
    )
    zeros = np.zeros(NUM_CLASSES)
    np.testing.assert_allclose(
        plain, oracle.sampled_softmax(h, true, W, None, targets, zeros), rtol=1e-10
    )


def test_batch_and_sample_may_be_joined(rng):
    h, W, b = values(rng, 3)
    targets = np.array([1, 3, 8], "int32")
    with float64():
        sample = in_batch(targets).joined(in_batch(T.constant([2, 3])))
        found = objectives.bpr_max(h, targets, W, b, sample).eval()
    wanted = oracle.bpr_max(
        h, targets[:, None], W, b, [1, 3, 8, 2, 3], np.zeros(NUM_CLASSES)
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-10)


# --- Indices and errors ----------------


def test_negative_classes_count_from_the_end(functions, rng):
    h, W, b = values(rng, 2)
    f = functions(None, True, True)
    log_q = rng.randn(NUM_CLASSES)
    one = f(h, W, b, np.array([-1, 2], "int32"), [-1, 4], log_q)
    other = f(h, W, b, np.array([8, 2], "int32"), [8, 4], log_q)
    for key in one:
        np.testing.assert_array_equal(one[key], other[key])


def test_target_out_of_range_is_named(functions, rng):
    h, W, b = values(rng, 2)
    f = functions(None, False)
    for wrong in (9, -10):
        with pytest.raises(IndexError, match="index %d at position 1 is out" % wrong):
            f(h, W, b, np.array([2, wrong], "int32"), [1], np.zeros(NUM_CLASSES))


@pytest.mark.parametrize(
    "change, words",
    [
        ({"h": T.tensor3("h")}, r"h must be a matrix .* reshape it to \(-1"),
        ({"targets": T.vector("t")}, "targets must be a vector of integers"),
        ({"targets": T.itensor3("t")}, "targets must be a vector of integers"),
        ({"W": T.vector("W")}, "W must be a matrix with a row for each class, got W"),
        ({"b": T.matrix("b")}, "b must be a vector with a number for each class"),
        ({"sample": LogUniformSampler(9)}, r"call sampler.draw\(num_samples\)"),
        ({"sample": T.vector()}, "classes of a sample must be a vector of integers"),
    ],
)
@pytest.mark.parametrize("name", LOSSES)
def test_inputs_of_other_kinds_are_refused(name, change, words):
    inputs = dict(
        h=T.matrix("h"), targets=T.ivector(), W=T.matrix(), b=None, sample=T.lvector()
    )
    inputs.update(change)
    with pytest.raises(TypeError, match=words.replace("vector of integers", "vector")):
        getattr(objectives, name)(**inputs)


@pytest.mark.parametrize("name", ["bpr", "bpr_max", "top1_max"])
def test_rankings_have_one_true_item(name):
    with pytest.raises(TypeError, match="the one true item of each example"):
        getattr(objectives, name)(
            T.matrix(), T.imatrix(), T.matrix(), None, T.lvector()
        )


# --- All classes ----------------


def test_best_classes_come_first(rng):
    scores = rng.permutation(50).reshape(5, 10).astype(theano.config.floatX)
    x = T.matrix()
    f = theano.function([x], objectives.top_k(x, 4), mode="FAST_COMPILE")
    classes, values_ = f(scores)
    order = np.argsort(-scores, axis=1)[:, :4]
    np.testing.assert_array_equal(classes, order)
    np.testing.assert_array_equal(values_, np.take_along_axis(scores, order, axis=1))


def test_none_are_not_the_best():
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        objectives.top_k(T.matrix(), 0)
