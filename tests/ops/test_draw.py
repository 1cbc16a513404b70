"""Are draws what the definition says, in Python and in C, bit for bit?"""

import itertools

import numpy as np
import pytest
import theano
import theano.tensor as T
from hypothesis import given
from hypothesis import strategies as st
from lasagne_sparse.ops.sampling import draw as draw_module
from lasagne_sparse.ops.sampling.candidates import DISTRIBUTIONS, candidates
from lasagne_sparse.ops.sampling.draw import Draw
from lasagne_sparse.ops.sampling.philox import multiply_high, philox
from lasagne_sparse.samplers.alias import alias_table
from op_checks import check_inferred_shape

KINDS = list(itertools.product(DISTRIBUTIONS, (False, True)))


def variables(distribution):
    alias = [T.dmatrix("alias")] if distribution == "alias" else []
    return [T.lvector("state"), T.lscalar(), T.lscalar(), T.lscalar()] + alias


@pytest.fixture(scope="module")
def functions():
    """{(distribution, unique, linker): compiled Op}"""
    found = {}
    for distribution, unique in KINDS:
        inputs = variables(distribution)
        outputs = Draw(distribution, unique)(*inputs)
        for linker in ("c|py", "py"):
            mode = theano.Mode(linker, "fast_run")
            f = theano.function(inputs, outputs, mode=mode)
            found[distribution, unique, linker] = f
    return found


def arguments(distribution, state, num_samples, num_classes):
    """Of a call; each other class of the alias table has no probability"""
    if distribution != "alias":
        return state, num_samples, num_classes, num_classes
    weights = np.arange(num_classes) % 2 * (1.0 + np.arange(num_classes)) + [
        1.0 * (k == 0) for k in range(num_classes)
    ]
    possible = np.count_nonzero(weights)
    return state, num_samples, num_classes, possible, alias_table(weights)


def by_definition(distribution, unique, state, num_samples, num_classes, alias=None):
    """The loop of the Op's docstring"""
    seed, stream, position = state
    classes, tries = [], 0
    while len(classes) < num_samples:
        (found,) = candidates(
            distribution, (seed, stream, position), 1, num_classes, alias
        )
        position = position + 1
        if found >= 0:
            tries = tries + 1
            if not unique or found not in classes:
                classes.append(found)
    return classes, tries, [seed, stream, position]


# --- Random bits ----------------


@pytest.mark.parametrize(
    "seed, stream, position, words",
    [
        # Known answers of Random123, kat_vectors: philox4x32 10
        (0, 0, 0, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        (-1, -1, -1, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            0x299F31D0A4093822,
            0x0370734413198A2E,
            0x85A308D3243F6A88,
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_blocks_are_those_that_the_authors_published(seed, stream, position, words):
    first, second = philox(seed, stream, position, 1)
    halves = int(first[0]), int(second[0])
    found = [half >> shift & 0xFFFFFFFF for half in halves for shift in (0, 32)]
    assert " ".join("%08x" % word for word in found) == words


def test_blocks_do_not_depend_on_where_one_begins():
    whole, later = philox(5, 2, 2**32 - 3, 8)[0], philox(5, 2, 2**32 + 1, 4)[0]
    np.testing.assert_array_equal(whole[4:], later)


@given(number=st.integers(0, 2**64 - 1), factor=st.integers(0, 2**64 - 1))
def test_products_have_128_bits(number, factor):
    upper, lower = multiply_high(np.array([number], np.uint64), factor)
    assert (int(upper[0]) << 64) + int(lower[0]) == number * factor


# --- Draws ----------------


@pytest.mark.parametrize("distribution, unique", KINDS)
@given(
    num_classes=st.sampled_from([1, 2, 3, 7, 64, 1000, 10**12]),
    num_samples=st.sampled_from([0, 1, 2, 5, 40, 300]),
    seed=st.integers(-(2**63), 2**63 - 1),
    stream=st.integers(0, 2**63 - 1),
    position=st.sampled_from([0, 17, 2**32 - 2, 2**62]),
)
def test_python_and_c_draw_the_same(
    functions, distribution, unique, num_classes, num_samples, seed, stream, position
):
    if distribution == "alias":
        num_classes = min(num_classes, 999)
    state = seed, stream, position
    given_ = arguments(distribution, state, num_samples, num_classes)
    if unique and num_samples > given_[3]:
        return
    one, other = (functions[distribution, unique, f](*given_) for f in ("c|py", "py"))
    for ours, theirs in zip(one, other):
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype == theirs.dtype == "int64"
    assert (one[0] >= 0).all() and (one[0] < num_classes).all()


@pytest.mark.parametrize("linker", ["c|py", "py"])
@pytest.mark.parametrize("distribution, unique", KINDS)
def test_draws_are_those_of_the_definition(functions, distribution, unique, linker):
    num_classes, num_samples = 30, 12
    state, _, _, _, *alias = given_ = arguments(
        distribution, (3, 1, 40), num_samples, num_classes
    )
    found = functions[distribution, unique, linker](*given_)
    wanted = by_definition(
        distribution, unique, state, num_samples, num_classes, *alias
    )
    for ours, theirs in zip(found, wanted):
        np.testing.assert_array_equal(ours, theirs)


def test_all_classes_are_drawn_once_if_so_many_are_wanted(functions):
    for distribution in ("uniform", "log_uniform"):
        given_ = arguments(distribution, (1, 0, 0), 50, 50)
        classes, tries, _ = functions[distribution, True, "c|py"](*given_)
        assert sorted(classes) == list(range(50))
        assert tries > 50


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_draws_go_on_where_they_were(functions, distribution):
    f = functions[distribution, False, "c|py"]
    whole, _, end = f(*arguments(distribution, (9, 0, 0), 500, 100))
    first, _, state = f(*arguments(distribution, (9, 0, 0), 131, 100))
    second, _, state = f(*arguments(distribution, state, 369, 100))
    np.testing.assert_array_equal(np.append(first, second), whole)
    np.testing.assert_array_equal(state, end)


@pytest.mark.parametrize("other", [(8, 0, 0), (9, 1, 0), (9, 0, 600)])
def test_other_seeds_streams_and_positions_draw_others(functions, other):
    f = functions["uniform", False, "c|py"]
    one, other = (f(state, 100, 10**9, 10**9)[0] for state in ((9, 0, 0), other))
    assert not set(one) & set(other)


# --- The Op ----------------


@pytest.mark.parametrize("distribution, unique", KINDS)
def test_passes_debug_mode(distribution, unique):
    inputs = variables(distribution)
    outputs = Draw(distribution, unique)(*inputs)
    f = theano.function(inputs, outputs, mode="DebugMode")
    assert len(f(*arguments(distribution, (1, 2, 3), 4, 9))[0]) == 4


def test_shapes_are_known():
    inputs = variables("uniform")
    outputs = Draw("uniform", True)(*inputs)
    check_inferred_shape(inputs, outputs, [(1, 2, 3), 4, 9, 9], Draw)


def test_only_distinct_classes_are_said_to_be_distinct():
    from lasagne_sparse.graph import are_distinct

    state = T.lvector()
    assert are_distinct(Draw("uniform", True)(state, 2, 5, 5)[0])
    assert not are_distinct(Draw("uniform", False)(state, 2, 5, 5)[0])


def test_draws_have_no_gradient():
    x = T.lscalar()
    outputs = Draw("uniform", True)(T.lvector(), x, 9, 9)
    with pytest.raises(theano.gradient.DisconnectedInputError):
        theano.grad(T.cast(outputs[0].sum(), "float32"), x)


# --- Errors ----------------


@pytest.mark.parametrize("linker", ["c|py", "py"])
@pytest.mark.parametrize(
    "arguments, words",
    [
        (((1, 0, 0), -3, 9, 9), "num_samples must not be negative, got -3"),
        (((1, 0, 0), 10, 9, 9), "10 distinct classes of 9, of which 9 have a positive"),
        (((1, 0, 0), 3, 9, 2), "3 distinct classes of 9, of which 2 have a positive"),
        (((1, 0, 0), 3, 9, 0), "3 of 9 classes, of which none has a positive"),
        (((1, 0), 3, 9, 9), "has 3 numbers, seed, stream and position; got 2"),
    ],
)
def test_bad_numbers_are_named(functions, linker, arguments, words):
    with pytest.raises(ValueError, match=words):
        functions["uniform", True, linker](*arguments)


@pytest.mark.parametrize("linker", ["c|py", "py"])
def test_distinct_classes_that_are_not_found_are_given_up(linker, monkeypatch):
    monkeypatch.setattr(draw_module, "TRIES_PER_SAMPLE", 10)
    inputs = variables("alias")
    f = theano.function(
        inputs, Draw("alias", True)(*inputs), mode=theano.Mode(linker, "fast_run")
    )
    table = alias_table(np.array([1.0, 1e-12, 1.0]))
    with pytest.raises(
        ValueError, match="1030 draws gave less than 3 distinct classes"
    ):
        f((1, 0, 0), 3, 3, 3, table)


@pytest.mark.parametrize("distribution, num_tables", [("uniform", 1), ("alias", 0)])
def test_tables_that_are_not_expected_are_refused(distribution, num_tables):
    inputs = variables("alias")[: 4 + num_tables]
    with pytest.raises(TypeError, match="matrices of float64"):
        Draw(distribution, True)(*inputs)


def test_inputs_of_other_kinds_are_refused():
    with pytest.raises(TypeError, match="state must be a vector of int64"):
        Draw("uniform", True)(T.ivector(), 1, 2, 2)
    with pytest.raises(TypeError, match="num_samples must be an integer scalar"):
        Draw("uniform", True)(T.lvector(), 1.5, 2, 2)
    with pytest.raises(ValueError, match="one of 'uniform', .* got 'zipf'"):
        Draw("zipf", True)


@pytest.mark.parametrize("shape", [(9, 3), (8, 2)])
@pytest.mark.parametrize("linker", ["c|py", "py"])
def test_alias_table_of_another_shape_is_refused(functions, linker, shape):
    with pytest.raises(ValueError, match="alias"):
        functions["alias", False, linker]((1, 0, 0), 3, 9, 9, np.ones(shape))
