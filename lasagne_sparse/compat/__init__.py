"""Makes Theano 1.0.5 and Lasagne import and work on today's Python and NumPy

Theano's last release is older than the Pythons and NumPys that people have.
Importing this package first (``import lasagne_sparse`` does) mends what has
come apart since. It is the only place that knows versions: a file for each mend says
why it is made, and for which of them. Each is made only where it is needed, and leaves
a line in :data:`mends`; what is off and cannot be mended from here leaves one in
:data:`troubles`. ``python -m lasagne_sparse`` prints both.

.. autosummary::

    Mend
    Trouble
    mends
    troubles
    scan_in_c
"""

from .blas import look_for_blas
from .downsample import provide_downsample
from .fast_compile import mend_compiling
from .lasagne_import import import_lasagne
from .numpy_names import give_names_back
from .opencl import mend_opencl
from .openmp import WAITING, let_threads_sleep
from .records import Mend, Trouble, mends, troubles
from .scan import SCAN_EXTENSION, mend_scan, scan_in_c
from .theano_import import import_theano
from .topk import mend_topk

__all__ = [
    "Mend",
    "Trouble",
    "mends",
    "troubles",
    "SCAN_EXTENSION",
    "WAITING",
    "scan_in_c",
]


def _mend():
    let_threads_sleep()  # before anything loads OpenMP, as Theano may
    give_names_back()
    mend_scan()  # above what else is put on top of C
    theano = import_theano()
    look_for_blas(theano)
    provide_downsample()  # before Lasagne, which imports it
    mend_topk()
    mend_opencl(theano)
    mend_compiling(theano)
    import_lasagne()


_mend()
