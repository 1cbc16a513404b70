"""Rewrites reductions of a table's gradient to reductions of the rows looked up.

``T.sum(g ** 2)``, with `g` a gradient that is scattered into a table of zeros, is what
clipping by norm computes. Only the rows that were looked up matter to it.
"""

import numpy as np
import theano.tensor as T
from theano import scalar
from theano.compile import optdb
from theano.gof import MergeOptimizer
from theano.gof.opt import Optimizer, copy_stack_trace
from theano.gof.toolbox import ReplaceValidate
from theano.tensor.elemwise import CAReduce, DimShuffle, Elemwise
from theano.tensor.opt import Shape_i
from theano.tensor.subtensor import AdvancedIncSubtensor1

from ..sparsity import Background, coalesce
from ..sparsity.scatters import Scatter, unique_rows_of
from .lookups import (
    are_distinct,
    length,
    one_row_each,
    unsliced,
)

__all__ = ["ReduceLookedUpRows"]

#: What a reduction does not notice.
_NEUTRAL = [(scalar.Add, 0), (scalar.OR, 0), (scalar.AND, 1)]
_EXTREMES = (scalar.Maximum, scalar.Minimum)


class ReduceLookedUpRows(Optimizer):
    """
    sum(f(inc_subtensor(zeros[indices], g))) -> sum(f(coalesced g))
    sum(inc_subtensor(f(inc_subtensor(zeros[i], g))[j], h))
        -> sum(f(coalesced g) + coalesced h)
    max(f(inc_subtensor(zeros[indices], g))) -> max(f(coalesced g), f(0))

    Holds for reductions over all axes or over those of the rows and others, where `f`
    is computed row by row: for sums where it makes zero of zero, for any() and all()
    alike, for maxima and minima whatever it makes of zeros; f(0) counts as long as
    there are rows that were not looked up. Indices that may repeat are made distinct
    by `UniqueRows`, and their values summed, before `f` sees them.
    """

    def add_requirements(self, fgraph):
        fgraph.attach_feature(ReplaceValidate())

    def apply(self, fgraph):
        if not hasattr(fgraph, "shape_feature"):
            return
        for node in _reductions_of_scatters(fgraph):
            new = self._reduced(fgraph, node)
            if new is not None:
                copy_stack_trace(node.outputs[0], new)
                fgraph.replace_validate(
                    node.outputs[0], new, reason="lasagne_sparse_reductions"
                )

    def _reduced(self, fgraph, node):
        """Returns the reduction over the rows looked up, or None."""
        (operand,) = node.inputs
        background = Background(_reader(fgraph))
        for axis in range(operand.ndim) if node.op.axis is None else node.op.axis:
            if operand.broadcastable[axis]:
                continue
            value = background.value(operand, axis)
            if value is None or not background.scatters(operand, axis):
                continue
            if not _allows(node.op, value):
                continue
            num_rows = length(fgraph, operand, axis)
            name = _name_of(num_rows)
            found = coalesce(operand, axis, background, num_rows, name)
            if found.opaque:
                continue
            if isinstance(node.op.scalar_op, _EXTREMES):
                is_all = T.eq(found.rows.shape[0], num_rows)
                new = _extreme(node.op, found.values, axis, value, is_all)
            else:
                new = node.op(found.values)
            if new.type == node.outputs[0].type:
                return new
        return None


def _reductions_of_scatters(fgraph):
    """Lists the reductions of what is computed of scatters, row by row or not."""
    computed, found = set(), []
    for node in fgraph.toposort():
        if _is_scatter(node):
            computed.add(node)
        elif any(i.owner in computed for i in node.inputs):
            if isinstance(node.op, CAReduce):
                found.append(node)
            elif isinstance(node.op, (Elemwise, DimShuffle)):
                computed.add(node)
    return found


def _is_scatter(node):
    """Tells whether a node adds to rows of something, by a vector of indices."""
    return isinstance(node.op, AdvancedIncSubtensor1) and (
        not node.op.set_instead_of_inc
        # has a row for each distinct row already, as what we make
        and unique_rows_of(unsliced(node.inputs[2]), 1) is None
    )


def _reader(fgraph):
    """Returns what reads a scatter as Theano's own rewrites leave it."""

    def scatter_at(variable, axis):
        if axis != 0 or variable.owner is None or not _is_scatter(variable.owner):
            return None
        base, values, indices = variable.owner.inputs
        values = one_row_each(fgraph, values, indices, base)
        return Scatter(indices, values, base, 0, are_distinct(indices))

    return scatter_at


def _allows(op, background):
    """Tells whether rows of one number can be left out of a reduction, or put back."""
    if isinstance(op.scalar_op, _EXTREMES):
        return np.asarray(background).dtype.kind in "iuf"
    return any(
        isinstance(op.scalar_op, kind) and background == neutral
        for kind, neutral in _NEUTRAL
    )


def _extreme(op, values, axis, background, is_all):
    """Returns the largest number of some rows and, unless they are all, the background.

    The least that there is stands beside the rows: they may be none.
    """
    is_maximum = isinstance(op.scalar_op, scalar.Maximum)
    row = [1 if d == axis else values.shape[d] for d in range(values.ndim)]
    least = T.constant(_least(values.dtype, is_maximum), dtype=values.dtype)
    found = op(T.join(axis, values, T.alloc(least, *row)))
    background = T.constant(background, dtype=values.dtype)
    with_rest = (T.maximum if is_maximum else T.minimum)(found, background)
    return T.switch(is_all, found, with_rest)


def _least(dtype, is_maximum):
    """Returns the number of a dtype that no maximum, or minimum, notices."""
    if np.dtype(dtype).kind == "f":
        return -np.inf if is_maximum else np.inf
    limits = np.iinfo(dtype)
    return limits.min if is_maximum else limits.max


def _name_of(num_rows):
    """Returns the name of the table whose length a number is, or None."""
    node = num_rows.owner
    if node is not None and isinstance(node.op, Shape_i):
        return node.inputs[0].name
    return None


optdb.register(
    "lasagne_sparse_reductions",
    ReduceLookedUpRows(),
    48.15,
    "fast_run",
    "lasagne_sparse",
)
# What the reductions coalesce, the update has coalesced already: what follows must see
# that it is one and the same.
optdb.register(
    "lasagne_sparse_merge", MergeOptimizer(), 48.17, "fast_run", "lasagne_sparse"
)
