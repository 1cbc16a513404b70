"""Sees how large the arrays are that the nodes of a function make when it runs"""

import numpy as np
import theano
from lasagne_sparse.ops.rows.row_update import RowUpdate
from theano.gof.link import PerformLinker, WrapLinker

__all__ = ["watched"]


def watched(inputs, outputs=None, updates=None):
    """Compiles a function on the host, with what shows its arrays

    Parameters
    ----------
    inputs, outputs, updates
        As of ``theano.function``.

    Returns
    -------
    function : callable
    sizes : dict
        After a call: node -> the number of elements of its largest output. Tables that
        are updated in place are none.
    """
    sizes = {}

    def run(_, node, thunk):
        thunk()
        if isinstance(node.op, RowUpdate):
            assert node.op.inplace
            return
        sizes[node] = max(np.size(array) for (array,) in thunk.outputs)

    mode = theano.Mode(WrapLinker([PerformLinker()], run), "fast_run")
    function = theano.function(
        inputs, outputs, updates=updates, mode=mode, on_unused_input="ignore"
    )
    return function, sizes
