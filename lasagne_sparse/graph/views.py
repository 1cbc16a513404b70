"""Sees a variable through what only shows it in another way

Transfers to a GPU and back, shuffled axes and lookups of a parameter are not what a
program is about: the table behind them is.
"""

from theano.compile.sharedvalue import SharedVariable
from theano.tensor import Reshape
from theano.tensor.elemwise import DimShuffle
from theano.tensor.subtensor import (
    AdvancedSubtensor,
    AdvancedSubtensor1,
    Subtensor,
)

__all__ = ["is_full_slice", "is_transfer", "table_of", "without_transfers"]

# By name: the Ops are there only where pygpu is, and are not asked for elsewhere.
_TRANSFERS = ("GpuFromHost", "GpuToGpu", "HostFromGpu")


def is_full_slice(index):
    """Tells whether an index is ``:``

    Parameters
    ----------
    index : int, slice or Theano variable
        One entry of an indexing tuple.

    Returns
    -------
    bool
    """
    return isinstance(index, slice) and index == slice(None)


def is_transfer(node):
    """Tells whether a node brings a variable to a GPU, or back from one

    Parameters
    ----------
    node : Apply node

    Returns
    -------
    bool
    """
    return type(node.op).__name__ in _TRANSFERS


def without_transfers(variable):
    """Returns what a variable was before it was brought to a GPU or back

    Parameters
    ----------
    variable : Theano variable

    Returns
    -------
    Theano variable
        Of ``W[x]``, for a table `W` that lives on a GPU, Theano makes
        ``HostFromGpu(W)[x]``: of the first input this is `W`.
    """
    while variable.owner is not None and is_transfer(variable.owner):
        variable = variable.owner.inputs[0]
    return variable


def table_of(param):
    """Returns the shared variable of which a parameter is a subset, or None

    Parameters
    ----------
    param : Theano variable
        A shared variable, or rows, columns or elements of one.

    Returns
    -------
    shared variable or None
    """
    lookups = (AdvancedSubtensor1, AdvancedSubtensor, Subtensor, DimShuffle, Reshape)
    while getattr(param, "owner", None) and (
        isinstance(param.owner.op, lookups) or is_transfer(param.owner)
    ):
        param = param.owner.inputs[0]
    return param if isinstance(param, SharedVariable) else None
