"""Does importing the library first make the stack work, and say what it did?

What happens at an import is seen in fresh interpreters; what works after it is
tried in this one.
"""

import os
import subprocess
import sys

import lasagne
import numpy as np
import pytest
import theano
import theano.tensor as T
from lasagne_sparse import compat
from lasagne_sparse.inspection.report import _builds
from tree import ROOT


def python(code, *options, flags="", **environment):
    """Runs code in a fresh interpreter

    Parameters
    ----------
    code : str
        The program.
    options : str
        The interpreter's options.
    flags : str
        Added to THEANO_FLAGS.
    environment : str
        Set in the environment; None takes a variable out.

    Returns
    -------
    subprocess.CompletedProcess
        With text in `stdout` and `stderr`.
    """
    settings = dict(os.environ, PYTHONPATH=ROOT, THEANORC="")
    # These the library has set in this very process.
    for name in compat.WAITING:
        settings.pop(name, None)
    given = [os.environ.get("THEANO_FLAGS", ""), "device=cpu", flags]
    settings["THEANO_FLAGS"] = ",".join(filter(None, given))
    settings.update(environment)
    return subprocess.run(
        [sys.executable, *options, "-c", code],
        env=settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )


def output(code, *options, **keywords):
    """Runs code in a fresh interpreter that must succeed, returns what it prints"""
    done = python(code, *options, **keywords)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def last_line(code, **keywords):
    """Runs code that must fail, returns the last line of its traceback"""
    done = python(code, **keywords)
    assert done.returncode == 1, done.stdout
    return done.stderr.strip().splitlines()[-1]


def script(path, text):
    """Writes an executable shell script, returns its path"""
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return str(path)


TELL_BLAS = "import lasagne_sparse, theano; print(theano.config.blas.ldflags)"


class TestImport:
    def test_gives_no_warning(self):
        assert output("import lasagne_sparse", "-W", "error") == ""

    def test_compiling_gives_no_warning(self):
        code = (
            "import lasagne_sparse, theano, theano.tensor as T\n"
            "x = T.dvector()\n"
            "print(theano.function([x], 2 * x)([3]).item())"
        )
        assert output(code, "-W", "error") == "6.0"

    def test_links_a_blas(self):
        assert "blas" in output(TELL_BLAS)

    @pytest.mark.skipif(
        _builds("-lopenblas") is not None,
        reason="OpenBLAS does not link: apt-get install libopenblas-dev",
    )
    def test_prefers_openblas(self):
        assert "-lopenblas" in output(TELL_BLAS)

    def test_leaves_numpys_distutils_as_they_were(self):
        code = (
            'import warnings; warnings.simplefilter("ignore")\n'
            "def state():\n"
            "    try:\n"
            "        import numpy.distutils.__config__ as config\n"
            "    except ModuleNotFoundError:\n"
            "        return None\n"
            "    return sorted(vars(config))\n"
            "before = state()\n"
            "import lasagne_sparse\n"
            "print(state() == before)"
        )
        assert output(code) == "True"

    def test_every_mend_says_why_in_one_line(self):
        assert compat.mends
        for name, why in compat.mends:
            assert name
            assert why
            assert "\n" not in name + why

    def test_second_import_mends_nothing_twice(self):
        code = (
            "import importlib, lasagne_sparse.compat as compat\n"
            "before = len(compat.mends), len(compat.troubles)\n"
            "compat = importlib.reload(compat)\n"
            "print(before == (len(compat.mends), len(compat.troubles)), before)"
        )
        assert output(code).startswith("True (")


class TestUsersBlas:
    def test_in_theano_flags_is_kept(self):
        assert output(TELL_BLAS, flags="blas.ldflags=-lm") == "-lm"

    def test_in_theanorc_is_kept(self, tmp_path):
        settings = tmp_path / "theanorc"
        settings.write_text("[blas]\nldflags = -lm\n")
        assert output(TELL_BLAS, THEANORC=str(settings)) == "-lm"

    def test_none_on_purpose_is_a_trouble_without_a_warning(self):
        code = (
            "import lasagne_sparse.compat as compat\nprint(compat.troubles[0].remedy)"
        )
        told = output(code, "-W", "error", flags="blas.ldflags=")
        assert "apt-get install libopenblas-dev" in told


def test_missing_blas_warns_and_says_how_to_get_one(tmp_path):
    compiler = script(
        tmp_path / "g++",
        'case "$*" in *-lopenblas*|*-lblas*) exit 1;; esac\nexec g++ "$@"\n',
    )
    done = python("import lasagne_sparse", flags="cxx=" + compiler)
    assert done.returncode == 0, done.stderr
    assert "RuntimeWarning: Theano found no BLAS to link" in done.stderr
    assert "apt-get install libopenblas-dev" in done.stderr


needs_a_mended_theano = pytest.mark.skipif(
    sys.version_info >= (3, 12) or np.lib.NumpyVersion(np.__version__) >= "1.24.0",
    reason="Theano does not import without lasagne_sparse here",
)


class TestEarlierImportOfTheano:
    @needs_a_mended_theano
    def test_is_taken_as_it_is_where_it_works(self):
        code = (
            "import theano, lasagne_sparse.compat as compat\n"
            'print([mend.name for mend in compat.mends if "blas" in mend.name])\n'
            "import theano.tensor.signal.downsample"
        )
        assert output(code, flags="blas.ldflags=-lm") == "[]"

    def test_that_failed_says_what_to_do(self):
        code = (
            "import sys, types\n"
            'sys.modules["theano.configdefaults"] = types.ModuleType("left over")\n'
            "import lasagne_sparse"
        )
        message = last_line(code)
        assert message.startswith("ImportError: An import of Theano failed")
        assert '"import lasagne_sparse" above the first "import theano"' in message

    def test_of_another_version_says_which_to_install(self):
        code = (
            "import sys, types\n"
            'theano = sys.modules["theano"] = types.ModuleType("theano")\n'
            'theano.function, theano.__version__ = print, "1.1.2"\n'
            'theano.__file__ = "/elsewhere/theano/__init__.py"\n'
            "import lasagne_sparse"
        )
        message = last_line(code)
        assert "found version 1.1.2 in /elsewhere/theano" in message
        assert "pip install Theano==1.0.5" in message


@pytest.mark.parametrize(
    "module, remedy",
    [
        ("theano", "pip install Theano==1.0.5"),
        ("lasagne", "pip install Lasagne==0.1"),
        ("pkg_resources", 'pip install "setuptools<81"'),
    ],
)
def test_missing_module_says_what_to_install(module, remedy):
    if module == "pkg_resources" and lasagne.__version__ != "0.1":
        pytest.skip("Lasagne 0.1 alone asks for it: pip install Lasagne==0.1")
    code = "import sys; sys.modules[%r] = None; import lasagne_sparse" % module
    message = last_line(code)
    assert message.startswith("ImportError: lasagne_sparse stands on")
    assert remedy in message


has_libgomp = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="looks for libgomp, on Linux"
)


@has_libgomp
class TestOpenMP:
    def test_learns_that_its_threads_shall_sleep(self):
        code = 'import lasagne_sparse, ctypes; ctypes.CDLL("libgomp.so.1")'
        done = python(code, OMP_DISPLAY_ENV="verbose")
        assert "OMP_WAIT_POLICY = 'PASSIVE'" in done.stderr
        assert "GOMP_SPINCOUNT = '0'" in done.stderr

    def test_keeps_what_the_user_chose(self):
        code = 'import lasagne_sparse, os; print(os.environ.get("GOMP_SPINCOUNT"))'
        assert output(code, OMP_WAIT_POLICY="active") == "None"

    def test_loaded_too_early_is_a_trouble(self):
        code = (
            'import ctypes; ctypes.CDLL("libgomp.so.1")\n'
            "import lasagne_sparse.compat as compat\n"
            "print(*compat.troubles[0])"
        )
        told = output(code)
        assert "OpenMP was loaded before lasagne_sparse" in told
        assert "OMP_WAIT_POLICY=passive" in told


def test_recurrent_layer_runs():
    x = T.tensor3("x")
    layer = lasagne.layers.RecurrentLayer(
        lasagne.layers.InputLayer((1, 3, 1), x),
        1,
        W_in_to_hid=lasagne.init.Constant(1),
        W_hid_to_hid=lasagne.init.Constant(2),
        nonlinearity=None,
    )
    recur = theano.function([x], lasagne.layers.get_output(layer))
    inputs = np.array([[[1], [10], [100]]], theano.config.floatX)
    # h_t = x_t + 2 h_(t-1)
    np.testing.assert_array_equal(recur(inputs), [[[1], [12], [124]]])


def test_downsample_takes_the_parameters_of_old():
    from theano.tensor.signal.downsample import max_pool_2d

    x = T.tensor4("x")
    pool = max_pool_2d(
        x, ds=(2, 1), st=(1, 1), padding=(1, 0), ignore_border=True, mode="sum"
    )
    image = np.array([[[[1], [10], [100]]]], theano.config.floatX)
    # Windows of two rows, one apart, over 0, 1, 10, 100, 0.
    pooled = theano.function([x], pool)(image)
    np.testing.assert_array_equal(pooled, [[[[1], [11], [110], [100]]]])


def test_pooling_layer_runs():
    x = T.tensor4("x")
    layer = lasagne.layers.MaxPool2DLayer(
        lasagne.layers.InputLayer((1, 1, 2, 4), x), pool_size=2
    )
    pool = theano.function([x], lasagne.layers.get_output(layer))
    image = np.arange(8, dtype=theano.config.floatX).reshape(1, 1, 2, 4)
    np.testing.assert_array_equal(pool(image), [[[[5, 7]]]])


@pytest.mark.parametrize("k", [1, 2, -2, 4, -4])
def test_topk_finds_the_largest_and_the_smallest(k, host_only):
    x = T.matrix()
    found = T.topk_and_argtopk(x, k, axis=1, sorted=False)
    alone = [f(x, k, axis=1, sorted=False) for f in (T.topk, T.argtopk)]
    array = np.array([[3, 1, 2, 0], [5, 7, 6, 8]], theano.config.floatX)
    f = theano.function([x], [*found, *alone], mode="FAST_COMPILE")
    values, places, *others = f(array)
    wanted = np.sort(array, axis=1)[:, -k:] if k > 0 else np.sort(array, axis=1)[:, :-k]
    np.testing.assert_array_equal(np.sort(values, axis=1), wanted)
    np.testing.assert_array_equal(np.take_along_axis(array, places, 1), values)
    np.testing.assert_array_equal(others[0], values)
    np.testing.assert_array_equal(others[1], places)


def test_topk_of_more_than_there_are_is_an_error(host_only):
    x = T.vector()
    f = theano.function([x], T.topk(x, 5, sorted=False), mode="FAST_COMPILE")
    with pytest.raises(ValueError, match="topk"):
        f(np.arange(3, dtype=theano.config.floatX))
