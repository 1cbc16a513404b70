"""The Ops on a GPU: the same contracts, by kernels for CUDA and OpenCL.

Imported only where Theano uses a GPU; :mod:`lasagne_sparse.rewrites.gpu` puts
them in the place of their twins for the CPU.

.. autosummary::
    :nosignatures:

    GpuRowUpdate
    GpuSegmentSum
"""

from .row_update import GpuRowUpdate
from .segment_sum import GpuSegmentSum

__all__ = ["GpuRowUpdate", "GpuSegmentSum"]
