"""Do samplers draw what they say, and as often as they say?"""

import pickle

import lasagne
import numpy as np
import pytest
import theano
import theano.tensor as T
from lasagne_sparse.samplers import (
    LogUniformSampler,
    Sample,
    UniformSampler,
    UnigramSampler,
    in_batch,
)
from lasagne_sparse.samplers.alias import alias_table
from lasagne_sparse.samplers.sample import as_sample
from modes import compiling_with
from scipy.stats import chisquare

COUNTS = np.array([5.0, 0, 1, 30, 2, 2, 9, 0.5])


def samplers(seed=4):
    return {
        "uniform": UniformSampler(50, seed),
        "log-uniform": LogUniformSampler(50, seed),
        "unigram": UnigramSampler(1 / (3.0 + np.arange(50)), 0.75, seed),
    }


NAMES = list(samplers())


def log_uniform(num_classes):
    """Formula of TensorFlow's LogUniformSampler, range_sampler.cc"""
    k = np.arange(num_classes)
    return np.log((k + 2) / (k + 1)) / np.log(num_classes + 1)


def probabilities(name):
    unigram = (1 / (3.0 + np.arange(50))) ** 0.75
    return {
        "uniform": np.full(50, 1 / 50),
        "log-uniform": log_uniform(50),
        "unigram": unigram / unigram.sum(),
    }[name]


def function(outputs, inputs=()):
    with compiling_with(linker="py"):
        return theano.function(list(inputs), outputs)


# --- What is drawn ----------------


@pytest.mark.parametrize("name", NAMES)
def test_probabilities_are_those_of_the_formula(name):
    found = function(samplers()[name].log_probability(np.arange(50)))()
    assert found.dtype == theano.config.floatX
    np.testing.assert_allclose(np.exp(found), probabilities(name), rtol=3e-6)


@pytest.mark.parametrize("name", NAMES)
def test_classes_come_as_often_as_their_probability_says(name):
    sample = samplers()[name].draw(100000, unique=False)
    counts = np.bincount(function(sample.classes)(), minlength=50)
    assert chisquare(counts, 100000 * probabilities(name)).pvalue > 0.001


@pytest.mark.parametrize("num_classes", [2, 3, 8, 1000, 1023])
def test_log_uniform_draws_are_right_at_the_ends_of_octaves(num_classes):
    sample = LogUniformSampler(num_classes, seed=5).draw(100000, unique=False)
    counts = np.bincount(function(sample.classes)(), minlength=num_classes)
    assert chisquare(counts, 100000 * log_uniform(num_classes)).pvalue > 0.001


def test_pairs_of_draws_are_independent():
    classes = function(UniformSampler(20, seed=2).draw(200000, unique=False).classes)()
    pairs = np.bincount(20 * classes[::2] + classes[1::2], minlength=400)
    assert chisquare(pairs).pvalue > 0.001


@pytest.mark.parametrize("unique", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_classes_are_expected_as_often_as_they_come(name, unique):
    sample = samplers()[name].draw(12, unique=unique)
    f = function([sample.classes, sample.log_expected(np.arange(50))])
    calls = 800
    counts, expected = np.zeros(50), np.zeros(50)
    for _ in range(calls):
        classes, logs = f()
        counts += np.bincount(classes, minlength=50)
        expected += np.exp(logs)
    # The formula counts the last of a number of tries as one like the others.
    allowed = 0.05 * expected if unique else 0
    assert (abs(counts - expected) < allowed + 4.5 * np.sqrt(expected)).all()
    np.testing.assert_allclose(expected.sum(), calls * 12, rtol=0.02)


def test_expected_counts_of_rare_classes_keep_their_digits():
    sampler = UnigramSampler([1e12, 1e12, 1.0], seed=1)
    sample = sampler.draw(2)
    found, tries = function(
        [sample.log_expected([2]), sample.classes.owner.outputs[1]]
    )()
    np.testing.assert_allclose(np.exp(found), tries * 0.5e-12, rtol=1e-5)


# --- The alias table ----------------


@pytest.mark.parametrize(
    "weights",
    [
        [1.0],
        [2.0, 2.0, 2.0],
        [0, 0, 5.0, 1e-9, 3],
        [1e-300, 1.0],
        np.random.RandomState(3).zipf(1.3, 20000),
        1 / np.arange(1, 20001.0),
        np.random.RandomState(4).rand(1000) > 0.9,
    ],
)
def test_columns_of_a_class_add_up_to_its_probability(weights):
    weights = np.asarray(weights, np.float64)
    own, other = alias_table(weights).T
    total = own.astype(np.longdouble)
    np.add.at(total, other.astype(int), 1 - own)
    assert (own >= 0).all() and (own <= 1).all()
    wanted = weights / weights.sum() * len(weights)
    np.testing.assert_allclose(total.astype(float), wanted, rtol=1e-9, atol=1e-10)


def test_classes_that_never_occur_are_in_no_column():
    weights = np.random.RandomState(4).rand(5000) * (np.arange(5000) % 3 > 0)
    own, other = alias_table(weights).T
    never = np.flatnonzero(weights == 0)
    assert (own[never] == 0).all()
    assert not np.isin(other[own < 1], never).any()


@pytest.mark.parametrize("power", [0, 0.75, 1, -1])
def test_power_makes_probabilities_more_even(power):
    sampler = UnigramSampler(COUNTS, power, seed=3)
    possible = COUNTS > 0
    wanted = np.zeros(8)
    wanted[possible] = COUNTS[possible] ** power
    wanted /= wanted.sum()
    classes = np.flatnonzero(possible)
    found = function(sampler.log_probability(classes))()
    np.testing.assert_allclose(np.exp(found), wanted[possible], rtol=1e-5)
    counts = np.bincount(
        function(sampler.draw(50000, unique=False).classes)(), minlength=8
    )
    assert counts[~possible].sum() == 0
    assert chisquare(counts[possible], 50000 * wanted[possible]).pvalue > 0.001


# --- Seeds and states ----------------


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_gives_the_same_draws_and_other_ones_in_each_call(name):
    f, g = (function(samplers()[name].draw(20).classes) for _ in range(2))
    first, second = f(), f()
    np.testing.assert_array_equal(first, g())
    np.testing.assert_array_equal(second, g())
    assert (first != second).any()


def test_a_saved_state_gives_the_same_draws_again():
    sampler = LogUniformSampler(1000, seed=6)
    f = function(sampler.draw(20).classes)
    f()
    (state,) = sampler.states
    saved = state.get_value()
    drawn = f()
    state.set_value(saved)
    np.testing.assert_array_equal(f(), drawn)


def test_draws_of_one_sampler_have_streams_of_their_own():
    sampler = UniformSampler(10**9, seed=6)
    f = function([sampler.draw(50).classes, sampler.draw(50).classes])
    one, other = f()
    assert not set(one) & set(other)
    assert [s.get_value()[1] for s in sampler.states] == [0, 1]


def test_one_draw_is_made_once_in_a_function():
    sampler = UniformSampler(10**9, seed=6)
    sample = sampler.draw(5)
    one, other = function([sample.classes + 0, sample.classes * 1])()
    np.testing.assert_array_equal(one, other)


def test_default_seed_is_of_lasagnes_generator():
    before = lasagne.random.get_rng()
    try:
        seeds = []
        for _ in range(2):
            lasagne.random.set_rng(np.random.RandomState(3))
            seeds += [UniformSampler(9).seed, UniformSampler(9).seed]
    finally:
        lasagne.random.set_rng(before)
    assert seeds[:2] == seeds[2:] and seeds[0] != seeds[1]


def test_states_have_names():
    sampler = UniformSampler(9, seed=1, name="words")
    sampler.draw(2), sampler.draw(2)
    assert [s.name for s in sampler.states] == ["words/draw0", "words/draw1"]


def test_number_of_samples_may_be_symbolic():
    size = T.iscalar()
    sample = UniformSampler(9, seed=1).draw(size)
    f = function([sample.classes, sample.log_expected([0])], [size])
    assert [len(f(k)[0]) for k in (1, 5, 9)] == [1, 5, 9]
    np.testing.assert_allclose(f(9)[1], 0, atol=0.5)


def test_sampler_survives_pickling():
    sampler = UnigramSampler(COUNTS, seed=3)
    again = pickle.loads(pickle.dumps(sampler))
    one, other = (function(s.draw(4).classes)() for s in (sampler, again))
    np.testing.assert_array_equal(one, other)


# --- Samples ----------------


def test_joined_samples_add_what_is_expected():
    one, other = UniformSampler(50, 1).draw(10, False), LogUniformSampler(50, 2).draw(5)
    joined = one.joined(other)
    values = function(
        [joined.classes, one.classes, other.classes]
        + [T.exp(s.log_expected(np.arange(50))) for s in (joined, one, other)]
    )()
    np.testing.assert_array_equal(values[0], np.append(values[1], values[2]))
    np.testing.assert_allclose(values[3], values[4] + values[5], rtol=1e-5)


def test_classes_of_the_batch_are_expected_as_often_as_they_are_true():
    targets = T.ivector()
    sample = in_batch(targets, UnigramSampler([3, 1], seed=1))
    f = function(sample.log_expected(targets), [targets])
    np.testing.assert_allclose(np.exp(f([0, 1, 1, 0])), [3, 1, 1, 3], rtol=1e-5)


def test_samples_by_hand_correct_nothing():
    sample = as_sample(T.lvector())
    assert not sample.is_corrected
    assert function(sample.log_expected([[1, 2]]))().tolist() == [[0, 0]]


# --- Errors ----------------


@pytest.mark.parametrize(
    "counts, words",
    [
        ([1, -2, 3], "not negative, got -2.0 for class 1"),
        ([1, 2, np.nan, np.nan], r"got nan for class 2 \(2 such"),
        ([np.inf, 1], "got inf for class 0"),
        ([0, 0, 0], "not all be zero, got 3 zeros"),
        ([], r"shape \(0,\)"),
        ([[1, 2]], r"shape \(1, 2\)"),
    ],
)
def test_counts_that_are_none_are_named(counts, words):
    with pytest.raises(ValueError, match=words):
        UnigramSampler(counts)


def test_power_must_be_finite():
    with pytest.raises(ValueError, match="finite number, got nan"):
        UnigramSampler([1, 2], power=np.nan)


@pytest.mark.parametrize(
    "arguments, error, words",
    [
        ((0,), ValueError, "num_classes must be at least 1 .* got 0"),
        ((2**63,), ValueError, "got 9223372036854775808"),
        ((2.5,), TypeError, "num_classes must be an integer, got 2.5"),
        ((9, "a"), TypeError, "seed must be an integer, got 'a'"),
        ((9, 2**64), ValueError, "seed .* got 18446744073709551616"),
    ],
)
def test_numbers_that_are_none_are_named(arguments, error, words):
    with pytest.raises(error, match=words):
        UniformSampler(*arguments)


@pytest.mark.parametrize(
    "num_samples, error, words",
    [
        (-1, ValueError, "num_samples .* got -1"),
        (8, ValueError, "8 distinct classes of 8, of which 7 have"),
        (True, TypeError, "must be an integer, got True"),
    ],
)
def test_draws_that_cannot_be_made_are_refused(num_samples, error, words):
    with pytest.raises(error, match=words):
        UnigramSampler(COUNTS).draw(num_samples)


def test_true_class_that_is_never_drawn_is_an_error():
    f = function(UnigramSampler(COUNTS).log_probability([1, 2]))
    with pytest.raises(AssertionError, match="give it a positive count"):
        f()


def test_samples_of_which_one_is_not_corrected_cannot_be_joined():
    with pytest.raises(ValueError, match="give in_batch a sampler"):
        UniformSampler(9).draw(2).joined(in_batch(T.lvector()))


def test_a_sampler_is_no_sample():
    with pytest.raises(TypeError, match=r"call sampler.draw\(num_samples\)"):
        as_sample(UniformSampler(9))


@pytest.mark.parametrize("classes", [T.lmatrix(), T.vector()])
def test_classes_of_a_sample_are_a_vector_of_integers(classes):
    with pytest.raises(TypeError, match="must be a vector of integers"):
        Sample(classes)
