"""Rows of bytes are FBGEMM's, and their error is what it is said to be"""

import hypothesis
import hypothesis.extra.numpy as arrays_of
import hypothesis.strategies as st
import numpy as np
import pytest
import theano
from lasagne_sparse.tables import int8


def by_loops(table):
    """QuantUtils.cc of FBGEMM, FloatOrHalfToFused8BitRowwiseQuantizedSBFloat"""
    rows = []
    for row in table.astype("float32"):
        least, largest = row.min(), row.max()
        inverse = np.float32(255) / (largest - least + np.float32(1e-8))
        q = [int(np.rint((x - least) * inverse)) for x in row]
        ends = np.array([(largest - least) / np.float32(255), least], "<f4")
        rows.append(bytes(q) + ends.tobytes())
    return np.frombuffer(b"".join(rows), "u1").reshape(len(table), -1)


@hypothesis.given(
    arrays_of.arrays(
        "float32",
        arrays_of.array_shapes(min_dims=2, max_dims=2),
        elements=st.floats(-1e6, 1e6, width=32),
    )
)
def test_bytes_are_those_of_the_definition(table):
    result = int8.quantize(table)
    np.testing.assert_array_equal(result.rows, by_loops(table))
    errors = np.abs(int8.dequantize(result.rows) - table.astype(float))
    assert result.largest_error == errors.max()
    np.testing.assert_allclose(result.mean_error, errors.mean(), rtol=1e-6)
    # Half a step, and what float32 cannot tell.
    steps = np.ptp(table, axis=1) / 255
    assert np.all(errors <= steps[:, None] * 0.51 + 1e-6 * np.abs(table).max() + 1e-8)


def test_error_relative_to_the_numbers_is_told():
    table = np.random.RandomState(0).normal(size=(50, 64)).astype("float32")
    result = int8.quantize(theano.shared(table))
    lost = int8.dequantize(result.rows) - table
    expected = np.sqrt((lost**2).sum() / (table**2).sum())
    np.testing.assert_allclose(result.relative_error, expected, rtol=1e-4)
    assert 0.001 < result.relative_error < 0.01
    assert int8.quantize(table * 0).relative_error == 0


def test_file_is_numpys(tmp_path):
    table = np.random.RandomState(0).normal(size=(5, 3)).astype("float32")
    result = int8.write_int8(str(tmp_path / "t.npy"), table)
    rows = np.load(str(tmp_path / "t.npy"), allow_pickle=False)
    np.testing.assert_array_equal(rows, result.rows)
    assert rows.shape == (5, 11)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_number_that_is_not_finite_is_named_and_nothing_is_written(tmp_path, bad):
    table = np.zeros((5, 3), "float32")
    table[3, 1] = bad
    with pytest.raises(ValueError, match="row 3 has a number that is not finite"):
        int8.write_int8(str(tmp_path / "t.npy"), table)
    assert not list(tmp_path.iterdir())


def test_what_is_no_table_is_told():
    with pytest.raises(ValueError, match="table must be a matrix of floats, got int"):
        int8.quantize(np.ones((2, 2), int))
    with pytest.raises(ValueError, match="rows must be a matrix of uint8"):
        int8.dequantize(np.ones((2, 8), "uint8"))
