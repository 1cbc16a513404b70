"""Does scan's loop run in C, and, where its C does not compile, in Python?"""

import sys

import numpy as np
import pytest
import theano
import theano.tensor as T
from devices import ON_GPU
from lasagne_sparse import compat
from lasagne_sparse.compat import scan
from theano.gof import cmodule

pytestmark = pytest.mark.skipif(ON_GPU, reason="about what Theano computes on the host")

VALUES = np.arange(4, dtype=theano.config.floatX)

is_edited = pytest.mark.skipif(
    scan._edited not in scan.edits, reason="the C of scan compiles here as it is"
)


def running_sums():
    """Compiles a scan; returns the function, and what runs its loop"""
    x = T.vector("x")
    sums, _ = theano.scan(lambda x, s: s + x, x, T.zeros_like(x[0]))
    f = theano.function([x], sums)
    thunks = [t for t in f.fn.thunks if hasattr(t, "perform")]
    (loop,) = [t.perform for t in thunks if t.perform.__module__.endswith("scan_op")]
    return f, loop


@pytest.fixture
def no_extension(monkeypatch):
    """What is left where the C of scan did not compile"""
    monkeypatch.setitem(sys.modules, compat.SCAN_EXTENSION, None)
    monkeypatch.delattr(
        theano.scan_module, compat.SCAN_EXTENSION.split(".")[-1], raising=False
    )


def test_loop_runs_in_c():
    assert compat.scan_in_c() is None
    f, loop = running_sums()
    assert loop.__name__ == "p"
    np.testing.assert_array_equal(f(VALUES), [0, 1, 3, 6])


def test_loop_in_python_gives_the_same(no_extension):
    f, loop = running_sums()
    assert loop.__name__ == "execute"
    np.testing.assert_array_equal(f(VALUES), [0, 1, 3, 6])


def test_missing_extension_says_so(no_extension):
    assert compat.SCAN_EXTENSION in compat.scan_in_c()


def test_error_inside_of_the_loop_is_raised(no_c_in_scan):
    """Cython's raise is edited"""
    x = T.lvector("x")
    table = theano.shared(np.zeros(3))
    found, _ = theano.scan(lambda i: table[i], x)
    f = theano.function([x], found)
    with pytest.raises(IndexError):
        f([0, 7])


def test_loop_that_ends_early(no_c_in_scan):
    def step(s):
        return s * 2, theano.scan_module.until(s > 10)

    s = T.lscalar("s")
    doubled, _ = theano.scan(step, outputs_info=s, n_steps=50)
    assert theano.function([s], doubled)(1).tolist() == [2, 4, 8, 16, 32]


def test_gradient_through_the_loop(no_c_in_scan):
    x = T.vector("x")
    products, _ = theano.scan(lambda x, p: p * x, x, T.ones_like(x[0]))
    gradient = theano.function([x], T.grad(products[-1], x))
    np.testing.assert_allclose(gradient(VALUES + 1), [24, 12, 8, 6])


@is_edited
class TestCThatDoesNotCompile:
    @pytest.fixture
    def fails(self, monkeypatch, tmp_path, no_extension):
        """Has Theano compile a text for scan's that is no C"""
        monkeypatch.setattr(scan, "troubles", [])
        # Theano says there, and on standard output, where to look at the text.
        monkeypatch.setenv("TMPDIR", str(tmp_path))

        def compile_nonsense():
            cmodule.GCC_compiler.compile_str("scan_perform", "nonsense", str(tmp_path))

        return compile_nonsense

    def test_warns_and_counts_as_missing(self, fails):
        warns = pytest.warns(RuntimeWarning, match="its loop runs in Python")
        with warns, pytest.raises(ImportError):
            fails()
        assert sys.modules[compat.SCAN_EXTENSION] is None

    def test_is_a_trouble_with_a_remedy(self, fails):
        with pytest.warns(RuntimeWarning), pytest.raises(ImportError):
            fails()
        (trouble,) = scan.troubles
        assert "Compilation failed" in trouble.what
        assert "unroll_scan=True" in trouble.remedy

    def test_of_another_module_raises_as_ever(self, tmp_path):
        with pytest.raises(Exception, match="Compilation failed") as caught:
            cmodule.GCC_compiler.compile_str("other", "nonsense", str(tmp_path))
        assert not isinstance(caught.value, ImportError)


@is_edited
def test_every_edit_finds_its_place():
    with open(theano.__path__[0] + "/scan_module/c_code/scan_perform.c") as file:
        text = file.read()
    assert [old for old, _ in scan.EDITS if old not in text] == []
