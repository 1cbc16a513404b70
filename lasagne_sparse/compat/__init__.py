"""Makes Theano 1.0.5 and Lasagne import and work on today's Python and NumPy

Theano's last release is older than the Pythons and NumPys that people have.
Importing this module first (``import lasagne_sparse`` does) mends what has
come apart since. It is the only module that knows versions. Each mend is made
only where it is needed and leaves a line in :data:`mends`; what is off and
cannot be mended from here leaves one in :data:`troubles`. ``python -m
lasagne_sparse`` prints both.

.. autosummary::

    Mend
    Trouble
    mends
    troubles
"""

import importlib.machinery
import importlib.util
import logging
import os
import sys
import warnings
from typing import NamedTuple

__all__ = ["Mend", "Trouble", "mends", "troubles"]

# How GNU's OpenMP threads are told to sleep until their next parallel loop.
WAITING = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"}

SCAN_EXTENSION = "theano.scan_module.scan_perform_ext"
DOWNSAMPLE = "theano.tensor.signal.downsample"


class Mend(NamedTuple):
    """Something this module changed so that the stack works

    Attributes
    ----------
    name : str
        What was mended.
    why : str
        Why it was needed, in one line.
    """

    name: str
    why: str


class Trouble(NamedTuple):
    """Something that is off, and that this module cannot mend

    Attributes
    ----------
    what : str
        What is off, in one line.
    remedy : str
        What the user can do about it.
    """

    what: str
    remedy: str


mends = []
troubles = []


def _libgomp_is_loaded():
    """Tells whether this process has the system's libgomp already

    Other libraries bring copies under other names (PyTorch has one): those are
    not the one that compiled functions will use. On systems without ``/proc``
    the answer is no.
    """
    try:
        with open("/proc/self/maps") as maps:
            return any("/libgomp.so" in line for line in maps)
    except OSError:
        return False


def _let_openmp_threads_sleep():
    # After a parallel loop libgomp's threads spin, on the very cores that
    # OpenBLAS's own threads need for the next matrix product: on two busy cores
    # that product then takes 8 ms instead of 0.3. libgomp reads its environment
    # once, when it is loaded.
    if any(name in os.environ for name in WAITING):
        return
    settings = " ".join("=".join(item) for item in WAITING.items())
    if _libgomp_is_loaded():
        troubles.append(
            Trouble(
                "OpenMP was loaded before lasagne_sparse: its threads spin between "
                "loops and take the cores from BLAS",
                "Import lasagne_sparse before what loads OpenMP, or start Python "
                "by: env %s python ..." % settings,
            )
        )
        return
    os.environ.update(WAITING)
    mends.append(
        Mend(
            "environment: " + settings,
            "OpenMP's threads would spin between loops and take the cores from BLAS",
        )
    )


def _describe_blas():
    """Gives back ``numpy.distutils.__config__.blas_opt_info``, if it is gone

    Returns
    -------
    module or None
        The module that was given the attribute; None if nothing was needed.
    """
    with warnings.catch_warnings():
        # distutils and numpy.distutils both announce their end on import.
        warnings.simplefilter("ignore", DeprecationWarning)
        import numpy.distutils.__config__ as config
    if hasattr(config, "blas_opt_info"):
        return None
    # With this Theano tries -lopenblas, then -lblas, then does without. Where
    # the user named a BLAS, Theano does not ask.
    config.blas_opt_info = {"libraries": ["openblas"], "library_dirs": []}
    return config


def _import_theano():
    """Imports Theano, with the answer at hand that its configuration asks for

    Raises
    ------
    ImportError
        If there is no Theano.
    """
    described = _describe_blas()
    logger = logging.getLogger("theano.tensor.blas")
    level = logger.level
    # It warns where there is no BLAS; so does this module, with the remedy.
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            # Of np.bool, distutils, unclosed files: nothing a user could change.
            warnings.simplefilter("ignore")
            import theano
    except ModuleNotFoundError as error:
        if error.name != "theano":
            raise
        raise ImportError(
            "lasagne_sparse stands on Theano 1.0.5, and there is none here. Install "
            "it by: pip install Theano==1.0.5"
        ) from error
    finally:
        logger.setLevel(level)
        if described is not None:
            # NumPy is left as it was found.
            del described.blas_opt_info
    if described is not None:
        mends.append(
            Mend(
                "numpy.distutils.__config__.blas_opt_info",
                "NumPy 1.22 dropped it, and Theano asks it for the BLAS to link",
            )
        )
    return theano


def _imported_theano():
    """Returns the Theano that was imported before this module, if any

    Raises
    ------
    ImportError
        If an import of Theano failed in this process.
    """
    theano = sys.modules.get("theano")
    started = theano or any(name.startswith("theano.") for name in sys.modules)
    # A failed import takes the package out of sys.modules, and leaves its parts.
    if started and not hasattr(theano, "function"):
        raise ImportError(
            "An import of Theano failed in this process, before lasagne_sparse could "
            'mend it. Put "import lasagne_sparse" above the first "import theano" or '
            '"import lasagne", and start Python anew.'
        )
    return theano


def _check_version(theano):
    if not theano.__version__.startswith("1.0."):
        raise ImportError(
            "lasagne_sparse works with Theano 1.0.5, but found version %s in %s. "
            "Install it by: pip install Theano==1.0.5"
            % (theano.__version__, os.path.dirname(theano.__file__))
        )


def _look_for_blas(theano):
    # Without a compiler nothing is linked, and Theano has said so itself.
    if theano.config.blas.ldflags or not theano.config.cxx:
        return
    chosen = not type(theano.config.blas).ldflags.is_default
    trouble = Trouble(
        "Theano found no BLAS to link: matrix products will be slow",
        "Install OpenBLAS (Debian, Ubuntu: apt-get install libopenblas-dev; conda: "
        "conda install openblas), or name yours: THEANO_FLAGS=blas.ldflags=-lNAME",
    )
    troubles.append(trouble)
    if not chosen:
        warnings.warn(". ".join(trouble), RuntimeWarning, stacklevel=2)


def _do_without_scan_extension():
    if sys.version_info < (3, 11) or SCAN_EXTENSION in sys.modules:
        return
    # An entry of None makes the import raise ImportError, upon which Theano's
    # scan takes its path in Python.
    sys.modules[SCAN_EXTENSION] = None
    mends.append(
        Mend(
            SCAN_EXTENSION + " left out",
            "its C does not compile on Python 3.11; scan has a path in Python",
        )
    )


def _max_pool_2d(input, ds, ignore_border=None, st=None, padding=(0, 0), mode="max"):
    """Pools over the two trailing axes: ``theano.tensor.signal.pool.pool_2d``

    Parameters and result are those of `pool_2d` in Theano 1.0, under their
    names of Theano 0.8: `ds` is its ``ws``, `st` its ``stride``, `padding` its
    ``pad``.
    """
    from theano.tensor.signal.pool import pool_2d

    return pool_2d(
        input, ws=ds, ignore_border=ignore_border, stride=st, pad=padding, mode=mode
    )


def _provide_downsample():
    if DOWNSAMPLE in sys.modules or importlib.util.find_spec(DOWNSAMPLE):
        return
    import theano.tensor.signal

    spec = importlib.machinery.ModuleSpec(DOWNSAMPLE, loader=None)
    module = importlib.util.module_from_spec(spec)
    module.__doc__ = "Stands in for a module of Theano 0.8."
    module.max_pool_2d = _max_pool_2d
    sys.modules[DOWNSAMPLE] = module
    theano.tensor.signal.downsample = module
    mends.append(Mend(DOWNSAMPLE, "Theano 0.9 dropped it, and Lasagne 0.1 imports it"))


def _mend_opencl(theano):
    uses = [theano.config.device, theano.config.contexts]
    if not any("opencl" in use for use in uses):
        return
    # Theano has imported its part for GPUs; where it could not, it has said so.
    if not getattr(sys.modules.get("theano.gpuarray"), "pygpu_activated", False):
        return
    from .opencl import mend_kernels

    for name in mend_kernels():
        mends.append(Mend(name, "its source was never compiled for OpenCL"))


def _import_lasagne():
    """Imports Lasagne without the warnings that its import gives today

    Raises
    ------
    ImportError
        If there is no Lasagne, or none of the ``pkg_resources`` that it asks for
        its own version.
    """
    remedies = {
        "lasagne": "pip install Lasagne==0.1",
        "pkg_resources": 'pip install "setuptools<81"',
    }
    try:
        with warnings.catch_warnings():
            # pkg_resources announces its end; Lasagne 0.2.dev1 has "is 'auto'".
            warnings.simplefilter("ignore")
            import lasagne  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name not in remedies:
            raise
        raise ImportError(
            "lasagne_sparse stands on Lasagne, whose import failed: %s. Install what "
            "is missing by: %s" % (error, remedies[error.name])
        ) from error


def _mend():
    _let_openmp_threads_sleep()
    theano = _imported_theano() or _import_theano()
    _check_version(theano)
    _look_for_blas(theano)
    _do_without_scan_extension()
    _provide_downsample()
    _mend_opencl(theano)
    _import_lasagne()


_mend()
