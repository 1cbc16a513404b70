"""Which rows of a table does a gradient touch, and with what values?

Theano differentiates every lookup into a scatter: ``theano.grad(loss, W)`` is
``inc_subtensor(zeros_like(W)[indices], g)``, or a sum of such terms, one per
lookup. So the sparsity of a gradient can be read off its own graph; nothing has
to mark the layers or to look at the loss. Steps that keep zeros zero (a scalar
factor, ``T.clip(g, -c, c)``, ``T.switch(T.isnan(g), 0, g)``) are carried out on
the coalesced rows.

.. autosummary::
    :nosignatures:

    TouchedRows
    row_gradient

Examples
--------
>>> import numpy as np, theano
>>> import theano.tensor as T
>>> W = theano.shared(np.ones((5, 2)), 'W')
>>> gradient = T.clip(theano.grad((W[[3, 1, 3]] ** 2).sum(), W), -3, 3)
>>> found = row_gradient(gradient, W)
>>> print(found.rows.eval(), found.values.eval().tolist())
[1 3] [[2.0, 2.0], [3.0, 3.0]]
"""

from collections import namedtuple

import theano.tensor as T
from theano.compile.sharedvalue import SharedVariable
from theano.tensor.elemwise import DimShuffle

from ..graph import shape_now, without_transfers
from .background import Background
from .coalesce import coalesce
from .restrict import take
from .scatters import looks_rows_up, sliced_length, template_of

__all__ = ["TouchedRows", "row_gradient"]


class TouchedRows(namedtuple("TouchedRows", "table rows values axis")):
    """
    lasagne_sparse.sparsity.gradients.TouchedRows(table, rows, values, axis)

    The rows that an expression as large as a table touches, and what it is there.

    Parameters
    ----------
    table : Theano variable, shape ``(num_rows, num_units)``
        The table; usually a shared variable.
    rows : Theano vector, shape ``(num_distinct,)``, int64
        Distinct rows in ``[0, num_rows)``.
    values : Theano variable, shape ``(num_distinct, num_units)`` for axis 0
        The expression at these rows. Of a gradient, that of a repeated index
        is summed.
    axis : int
        0 for rows, 1 for the columns of a matrix, and so on.
    """

    __slots__ = ()

    def scatter(self):
        """Returns the values as a scatter into zeros

        Returns
        -------
        Theano variable, the shape of the table, dtype of the values
            ``inc_subtensor(zeros_like(table)[rows], values)``
        """
        zeros = T.zeros_like(self.table, dtype=self.values.dtype)
        subset = take(zeros, self.rows, self.axis)
        return T.inc_subtensor(subset, self.values)


def row_gradient(gradient, table=None, opaque=None, background=None, listed=False):
    """Reads the rows and their values off the graph of a table's gradient

    Parameters
    ----------
    gradient : Theano variable, shape ``(num_rows, num_units)``
        What ``theano.grad(loss, table)`` returns, possibly clipped or scaled.
    table : Theano variable, shape ``(num_rows, num_units)``, optional
        The table; read off the gradient if None.
    opaque : list, optional
        Expressions that must be computed for all rows are appended.
    background : Background, optional
        One that serves several gradients of one loss remembers what they share.
    listed : bool
        Whether the user asked for these rows: then slices of any length are rows.
        If not, a gradient of constant slices of more than half of a shared table is
        none of rows: the slices of a dense weight matrix are updated faster together.

    Returns
    -------
    TouchedRows or None
        None if the gradient is not known to be zero outside of the rows that
        were looked up (or the columns; not both).
    """
    background = Background() if background is None else background
    for axis in range(gradient.ndim):
        if gradient.broadcastable[axis] or background.value(gradient, axis) != 0:
            continue
        leaves = background.scatters(gradient, axis)
        if not leaves:
            continue
        table = _table_of(leaves, gradient) if table is None else table
        if not listed and _is_mostly_sliced(leaves, table, axis):
            continue
        num_rows = table.shape[axis]
        found = coalesce(gradient, axis, background, num_rows, table.name)
        if opaque is not None:
            opaque.extend(found.opaque)
        return TouchedRows(table, found.rows, found.values, axis)
    return None


def _table_of(leaves, gradient):
    """Finds the table of whose shape the zeros are that lookups scatter into."""
    for leaf, _ in leaves:
        table = template_of(leaf.owner.inputs[0])
        if table is None:
            continue
        table = without_transfers(table)
        while table.owner is not None and isinstance(table.owner.op, DimShuffle):
            table = without_transfers(table.owner.inputs[0])
        if table.ndim == gradient.ndim:
            return table
    return gradient


def _is_mostly_sliced(leaves, table, axis):
    """Tells whether slices choose more than half of a table."""
    if not isinstance(table, SharedVariable) or table.ndim <= axis:
        return False
    length = shape_now(table)[axis]
    slices = [leaf for leaf in leaves if not looks_rows_up(leaf[0])]
    return 2 * sum(sliced_length(v, a, length) for v, a in slices) > length
