"""Rewrites sums over a table's gradient to sums over the rows that are not zero.

``T.sum(g ** 2)``, with `g` a gradient that is scattered into a table of zeros, is what
clipping by norm computes. Only the rows that were looked up matter to it.
"""

import theano.tensor as T
from theano import scalar
from theano.compile import optdb
from theano.gof import MergeOptimizer
from theano.gof.graph import Constant
from theano.gof.opt import copy_stack_trace, local_optimizer
from theano.scan_module.scan_utils import equal_computations
from theano.tensor.elemwise import All, Any, DimShuffle, Elemwise, Sum
from theano.tensor.opt import Shape_i, in2out
from theano.tensor.subtensor import advanced_subtensor1

from ..graph import constant_value, is_zeros, value_at
from ..ops import SegmentSum, UniqueRows
from .lookups import (
    are_distinct,
    length,
    one_row_each,
    same_number,
    scatter_of,
    unique_rows_of,
    unsliced,
)

__all__ = ["local_reduce_looked_up_rows"]

#: What a reduction does not notice.
_NEUTRAL = {Sum: 0, Any: 0, All: 1}


@local_optimizer(list(_NEUTRAL))
def local_reduce_looked_up_rows(node):
    """
    sum(f(inc_subtensor(zeros[indices], g))) -> sum(f(coalesced g))
    sum(inc_subtensor(f(inc_subtensor(zeros[i], g))[j], h))
        -> sum(f(coalesced g) + coalesced h)

    Holds for sums over all axes or over those of the rows and others, where `f` is
    elementwise and makes zero of zero, and for any() and all() alike. Indices that may
    repeat are made distinct by `UniqueRows`, and their values summed by `SegmentSum`,
    before `f` sees them; those that the graph has already are taken.
    """
    neutral = _NEUTRAL.get(type(node.op))
    if neutral is None:
        return False
    (operand,) = node.inputs
    if operand.owner is None or not hasattr(node.fgraph, "shape_feature"):
        return False
    for axis in range(operand.ndim) if node.op.axis is None else node.op.axis:
        scatters = {}
        if _background(operand, axis, scatters, {}) != neutral or not scatters:
            continue
        restricted = _restrict(operand, axis, _Rows(node.fgraph, scatters))
        new = None if restricted is None else node.op(restricted)
        if new is not None and new.type == node.outputs[0].type:
            copy_stack_trace(node.outputs[0], new)
            return [new]
    return False


def _background(variable, axis, scatters, known):
    """Returns the value of a variable in all rows but those that are scattered to.

    None if that is not one number. The scatters are collected in a dictionary; what
    is `known` already is not computed again.
    """
    if (variable, axis) not in known:
        known[variable, axis] = _background_of(variable, axis, scatters, known)
    return known[variable, axis]


def _background_of(variable, axis, scatters, known):
    """Computes what `_background` returns."""
    if variable.broadcastable[axis]:
        return constant_value(variable)
    scatter = scatter_of(variable) if axis == 0 else None
    if scatter is not None:
        if any(unique_rows_of(unsliced(i), 1) for _, i in scatter.pieces):
            return None  # has a row for each distinct row already, as what we make
        scatters[variable] = scatter
        return _background(scatter.base, axis, scatters, known)
    value = constant_value(variable)
    node = variable.owner
    if value is not None or node is None:
        return value
    if isinstance(node.op, DimShuffle):
        inner = node.op.new_order[axis]
        return _background(node.inputs[0], inner, scatters, known)
    if isinstance(node.op, Elemwise) and len(node.outputs) == 1:
        return value_at(
            node, [_background(i, axis, scatters, known) for i in node.inputs]
        )
    return None


class _Rows:
    """The rows that scatters touch, and what they bring there

    Attributes
    ----------
    rows : Theano vector, shape ``(num_distinct,)``, int64
    values : dict
        From the variable of each scatter to its coalesced values.
    restricted : dict
        From ``(variable, axis)`` to what `_restrict` made of it.
    """

    def __init__(self, fgraph, scatters):
        self.fgraph, self.scatters = fgraph, scatters
        self.restricted = {}
        bases = [scatter.base for scatter in scatters.values()]
        pieces = [piece for s in scatters.values() for piece in s.pieces]
        indices = [i for _, i in pieces]
        if are_distinct(indices[0]) and all(i is indices[0] for i in indices):
            self.rows = indices[0]
            self.values = {v: self._added(s) for v, s in scatters.items()}
            return
        self.unique, self.places = self._unique_rows(indices, bases[0])
        self.rows = self.unique.outputs[0]
        self.values, first = {}, 0
        for variable, scatter in scatters.items():
            places = self.places[first : first + len(scatter.pieces)]
            self.values[variable] = self._coalesced(scatter, places)
            first += len(scatter.pieces)

    def _added(self, scatter):
        """Adds up pieces that all have the same distinct rows."""
        parts = self._values_of(scatter)
        return T.add(*parts) if len(parts) > 1 else parts[0]

    def _values_of(self, scatter):
        """Returns the values of the pieces, one row for each index."""
        base = scatter.base
        return [one_row_each(self.fgraph, v, i, base) for v, i in scatter.pieces]

    def _unique_rows(self, indices, base):
        """Returns a UniqueRows of all indices, and the place of each among its own."""
        num_rows = length(self.fgraph, base)
        for node in self.fgraph.toposort():
            if isinstance(node.op, UniqueRows) and same_number(
                node.inputs[1], num_rows
            ):
                places = _places(indices, _joined(node.inputs[0]))
                if places is not None:
                    return node, places
        # not left to join: it would make float64 of int64 with uint64
        joined = [T.cast(i, "int64") for i in indices]
        joined = T.join(0, *joined) if len(joined) > 1 else indices[0]
        unique = UniqueRows(_name_of(num_rows))(joined, num_rows)[0].owner
        return unique, list(range(len(indices)))

    def _coalesced(self, scatter, places):
        """Returns the values of a scatter, one row for each of the distinct rows."""
        _, inverse, order, offsets = self.unique.outputs
        values = self._values_of(scatter)
        if len(places) == len(self.places):
            values = [value for _, value in sorted(zip(places, values), key=_first)]
            return SegmentSum()(order, offsets, *values)
        sizes = [length(self.fgraph, scatter.base, d) for d in range(1, values[0].ndim)]
        sums = T.alloc(
            T.zeros((), dtype=scatter.base.dtype), self.rows.shape[0], *sizes
        )
        lengths = [None] * len(self.places)
        for place, (_, i) in zip(self.places, self._all_pieces()):
            lengths[place] = i.shape[0]
        for place, value in zip(places, values):
            start = sum(lengths[:place], T.constant(0))
            here = inverse[start : start + lengths[place]]
            sums = T.inc_subtensor(sums[here], value)
        return sums

    def _all_pieces(self):
        return [piece for s in self.scatters.values() for piece in s.pieces]


def _first(pair):
    return pair[0]


def _joined(indices):
    """Returns the vectors that a vector is joined from, less their conversions."""
    node = indices.owner
    if (
        node is not None
        and isinstance(node.op, T.Join)
        and isinstance(node.inputs[0], Constant)
    ):
        return [_unconverted(i) for i in node.inputs[1:]]
    return [_unconverted(indices)]


def _unconverted(indices):
    """Strips a conversion between integer dtypes that keeps every index."""
    node = indices.owner
    if (
        node is not None
        and isinstance(node.op, Elemwise)
        and isinstance(node.op.scalar_op, scalar.Cast)
        and indices.dtype == "int64"
        and node.inputs[0].dtype in T.integer_dtypes
        and node.inputs[0].dtype != "uint64"
    ):
        return node.inputs[0]
    return indices


def _places(indices, joined):
    """Finds each of some vectors among joined ones; None unless they are the same."""
    if len(indices) != len(joined):
        return None
    places = []
    for vector in indices:
        vector = _unconverted(vector)
        for place, other in enumerate(joined):
            if place not in places and (
                vector is other
                or vector.type == other.type
                and equal_computations([vector], [other])
            ):
                places.append(place)
                break
        else:
            return None
    return places


def _name_of(num_rows):
    """Returns the name of the table whose length a number is, or None."""
    node = num_rows.owner
    if node is not None and isinstance(node.op, Shape_i):
        return node.inputs[0].name
    return None


def _restrict(variable, axis, touched):
    """Returns a variable at the rows that were touched, or None if that is not known.

    It keeps the form of the graph: what is the same in all rows stays as it is.
    """
    if (variable, axis) not in touched.restricted:
        touched.restricted[variable, axis] = _restricted(variable, axis, touched)
    return touched.restricted[variable, axis]


def _restricted(variable, axis, touched):
    """Computes what `_restrict` returns."""
    if variable.broadcastable[axis]:
        return variable
    if variable in touched.values and axis == 0:
        added, base = touched.values[variable], touched.scatters[variable].base
        return added if is_zeros(base) else _restrict(base, axis, touched) + added
    value, node = constant_value(variable), variable.owner
    if value is not None:
        return T.shape_padleft(T.constant(value, dtype=variable.dtype), variable.ndim)
    if node is None:
        return advanced_subtensor1(variable, touched.rows) if axis == 0 else None
    if isinstance(node.op, DimShuffle):
        inner = _restrict(node.inputs[0], node.op.new_order[axis], touched)
        return None if inner is None else node.op(inner)
    if isinstance(node.op, Elemwise):
        inputs = [_restrict(i, axis, touched) for i in node.inputs]
        return None if any(i is None for i in inputs) else node.op(*inputs)
    return None


optdb.register(
    "lasagne_sparse_reductions",
    in2out(local_reduce_looked_up_rows, name="lasagne_sparse_reductions"),
    48.3,
    "fast_run",
    "lasagne_sparse",
)
# What the reductions coalesce, the update has coalesced already: the fusion of row
# updates must see that it is one and the same.
optdb.register(
    "lasagne_sparse_merge", MergeOptimizer(), 48.32, "fast_run", "lasagne_sparse"
)
