"""Makes Theano 1.0.5 and Lasagne import and work on today's Python and NumPy

Theano's last release is older than the Pythons and NumPys that people have.
Importing this module first (``import lasagne_sparse`` does) mends what has
come apart since. It is the only module that knows versions. Each mend is made
only where it is needed, and leaves a line in :data:`mends`, which
``python -m lasagne_sparse`` prints.

.. autosummary::

    Mend
    mends
    environment_is_intact
    loaded_libraries
"""
import importlib.util
import logging
import os
import sys
import types
import warnings
from typing import NamedTuple

__all__ = [
    'Mend',
    'mends',
    'environment_is_intact',
    'loaded_libraries',
]

# How GNU's OpenMP threads wait for their next parallel loop: asleep.
WAITING = {'OMP_WAIT_POLICY': 'passive', 'GOMP_SPINCOUNT': '0'}

SCAN_EXTENSION = 'theano.scan_module.scan_perform_ext'
DOWNSAMPLE = 'theano.tensor.signal.downsample'


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


mends = []


def loaded_libraries(name):
    """Finds the shared libraries of a name that this process has loaded

    Parameters
    ----------
    name : str
        The beginning of a file name, such as ``'libgomp'``.

    Returns
    -------
    list of str
        The paths, sorted; empty where there are none, and on systems other
        than Linux, which do not list them in ``/proc``.
    """
    try:
        with open('/proc/self/maps') as maps:
            paths = {line.split(None, 5)[-1].strip() for line in maps}
    except OSError:
        return []
    return sorted(p for p in paths if os.path.basename(p).startswith(name))


def environment_is_intact():
    """Tells whether OpenMP's threads will leave the cores to others

    Returns
    -------
    bool
        True if the environment asks GNU's OpenMP threads to sleep between
        parallel loops.
    """
    return (
        os.environ.get('OMP_WAIT_POLICY', '').lower() == 'passive'
        or os.environ.get('GOMP_SPINCOUNT') == '0'
    )


def _let_openmp_threads_sleep():
    # After a parallel loop libgomp's threads spin, on the very cores that
    # OpenBLAS's own threads need for the next matrix product. libgomp reads
    # the environment once, when it is loaded.
    if loaded_libraries('libgomp') or any(name in os.environ for name in WAITING):
        return
    os.environ.update(WAITING)
    mends.append(
        Mend(
            'OpenMP threads sleep between loops (%s)'
            % ', '.join('='.join(item) for item in WAITING.items()),
            'spinning ones take the cores from BLAS',
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
        warnings.simplefilter('ignore', DeprecationWarning)
        import numpy.distutils.__config__ as config
    if hasattr(config, 'blas_opt_info'):
        return None
    # With this Theano tries -lopenblas, then -lblas, then does without.
    config.blas_opt_info = {'libraries': ['openblas'], 'library_dirs': []}
    mends.append(
        Mend(
            'numpy.distutils.__config__.blas_opt_info',
            'NumPy 1.22 dropped it, and Theano asks it for the BLAS to link',
        )
    )
    return config


def _import_theano():
    """Imports Theano with what its configuration needs in place"""
    described = _describe_blas()
    with warnings.catch_warnings():
        # Theano's own use of np.bool, distutils and unclosed files: nothing
        # that a user could act on.
        warnings.simplefilter('ignore')
        logger = logging.getLogger('theano.tensor.blas')
        level = logger.level
        # Ours, below, says the same and what to do about it.
        logger.setLevel(logging.ERROR)
        try:
            import theano
        finally:
            logger.setLevel(level)
            if described is not None:
                # NumPy is left as it was found.
                del described.blas_opt_info
    return theano


def _use_theano():
    """Imports Theano, or looks at the one that is imported already

    Raises
    ------
    ImportError
        If an import of Theano failed before this module could mend it, or
        the version is not one that this library is made for.
    """
    if 'theano' in sys.modules:
        theano = sys.modules['theano']
        whole = hasattr(theano, 'function') and hasattr(theano, 'shared')
    else:
        whole = not any(name.startswith('theano.') for name in sys.modules)
        theano = _import_theano() if whole else None
    if not whole:
        raise ImportError(
            'An import of Theano has failed in this process, before '
            'lasagne_sparse could mend it. Put "import lasagne_sparse" above the '
            'first "import theano" or "import lasagne", and start Python anew.'
        )
    version = getattr(theano, '__version__', 'unknown')
    if not version.startswith('1.0.'):
        raise ImportError(
            'lasagne_sparse works with Theano 1.0.5, but found version %s in %s. '
            'Install it by: pip install Theano==1.0.5'
            % (version, os.path.dirname(theano.__file__))
        )
    return theano


def _warn_without_blas(theano):
    if theano.config.blas.ldflags or not theano.config.cxx:
        return
    warnings.warn(
        'Theano found no BLAS library to link, so matrix products will be slow. '
        'Install OpenBLAS (Debian, Ubuntu: apt-get install libopenblas-dev; conda: '
        'conda install openblas), or name yours in THEANO_FLAGS=blas.ldflags=...',
        RuntimeWarning,
        stacklevel=3,
    )


def _do_without_scan_extension():
    if sys.version_info < (3, 11) or SCAN_EXTENSION in sys.modules:
        return
    # An entry of None makes the import raise ImportError, on which Theano's
    # scan takes its path in Python.
    sys.modules[SCAN_EXTENSION] = None
    mends.append(
        Mend(
            SCAN_EXTENSION,
            "its C does not compile on Python 3.11; scan's Python path serves",
        )
    )


def _max_pool_2d(
    input, ds, ignore_border=None, st=None, padding=(0, 0), mode='max'
):
    """Pools over the two trailing axes: ``theano.tensor.signal.pool.pool_2d``

    Parameters and result are those of `pool_2d` in Theano 1.0, under their
    names of Theano 0.8: `ds` is its ``ws``, `st` its ``stride``, `padding` its
    ``pad``.
    """
    from theano.tensor.signal.pool import pool_2d

    return pool_2d(
        input,
        ws=ds,
        ignore_border=ignore_border,
        stride=st,
        pad=padding,
        mode=mode,
    )


def _provide_downsample():
    if DOWNSAMPLE in sys.modules or importlib.util.find_spec(DOWNSAMPLE):
        return
    import theano.tensor.signal

    module = types.ModuleType(DOWNSAMPLE, 'Stands in for a module of Theano 0.8.')
    module.max_pool_2d = _max_pool_2d
    sys.modules[DOWNSAMPLE] = module
    theano.tensor.signal.downsample = module
    mends.append(
        Mend(DOWNSAMPLE, 'Theano 0.9 dropped it, and Lasagne 0.1 imports it')
    )


def _import_lasagne():
    with warnings.catch_warnings():
        # pkg_resources, which Lasagne 0.1 asks for its own version, announces
        # its end; Lasagne 0.2.dev1 compares a string by "is".
        warnings.simplefilter('ignore')
        import lasagne  # noqa: F401


def _mend():
    _let_openmp_threads_sleep()
    theano = _use_theano()
    _warn_without_blas(theano)
    _do_without_scan_extension()
    _provide_downsample()
    _import_lasagne()


_mend()
