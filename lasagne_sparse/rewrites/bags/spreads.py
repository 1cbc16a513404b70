"""Turns what is spread to the lookups of a bag into lookups among the bags.

The gradient of a sum over an axis has one row for all lookups of a bag. Theano spreads
it in the shape of the lookups; with the lookups in a row it is ``g[bags]``, of which no
array needs to be made.
"""

import theano.tensor as T
from theano.compile.ops import Shape_i
from theano.tensor import Alloc, Join, Reshape
from theano.tensor.elemwise import DimShuffle, Elemwise, Sum

from ...ops import Gather
from .numbers import bag_numbers, checked, known_length, shuffled
from .weighted import rows_of_table

__all__ = ["flattened_sum", "flattened_values"]

#: Of more nodes than that nothing is flattened; gradients have some ten.
_MOST_NODES = 60


class _NotFlat(Exception):
    """What is not flattened."""


class _Flattening:
    """Puts the first axes of arrays, those of the lookups, into a row.

    ``like`` is an array of the full shape, ``num_lookups`` how many lookups there are.
    ``spreads`` tells whether rows became lookups among bags.
    """

    def __init__(self, fgraph, like, num_axes, num_lookups):
        self.num_axes, self.num_lookups, self.spreads = num_axes, num_lookups, False
        self._fgraph = fgraph
        self.sizes = [known_length(fgraph, like, k) for k in range(num_axes)]
        self._units = [
            known_length(fgraph, like, d) for d in range(num_axes, like.ndim)
        ]
        self._varying = self._axes_of(like)
        self._found, self._bags = {}, {}

    def __call__(self, variable):
        if variable not in self._found:
            if len(self._found) > _MOST_NODES:
                raise _NotFlat
            self._found[variable] = None
            self._found[variable] = self._flat(variable)
        return self._found[variable]

    def _axes_of(self, variable):
        return [k for k in range(self.num_axes) if not variable.broadcastable[k]]

    def _flat(self, variable):
        axes = self._axes_of(variable)
        units = list(range(self.num_axes, variable.ndim))
        if not axes:
            return shuffled(variable, [0] + units)
        if axes != self._varying:
            return self._of_bags(variable, axes, units)
        node = variable.owner
        if node is None:
            return self._in_a_row(variable, units)
        spread = _spread(variable)
        if spread is not None:
            if any(spread.broadcastable[d] != variable.broadcastable[d] for d in units):
                raise _NotFlat
            return self(spread)
        if isinstance(node.op, Elemwise) and len(node.outputs) == 1:
            return node.op(*[self(v) for v in node.inputs])
        if isinstance(node.op, Reshape) and rows_of_table(variable) is not None:
            return node.inputs[0]
        return self._in_a_row(variable, units)

    def of_one_bag(self, row):
        """Looks up what is the same for all lookups."""
        self.spreads = True
        numbers = bag_numbers(self.num_lookups, self.sizes, [])
        return Gather()(T.unbroadcast(row, 0), numbers)

    def _checked(self, variable, axes, sizes):
        if getattr(variable, "fgraph", None) is None:
            return variable  # the part of a graph that says how long it is
        return checked(self._fgraph, variable, axes, sizes)

    def _of_bags(self, variable, axes, units):
        """Looks up what is the same for all lookups of a bag."""
        sizes = [self.sizes[k] for k in axes]
        variable = self._checked(variable, axes, sizes)
        rows = shuffled(variable, axes + units)
        if len(axes) > 1:
            shape = [T.constant(-1, dtype="int64")]
            are_one = [variable.broadcastable[d] for d in units]
            shape += [1 if one else n for one, n in zip(are_one, self._units)]
            rows = T.reshape(rows, shape, ndim=len(shape))
            rows = T.patternbroadcast(rows, [False] + are_one)
        if tuple(axes) not in self._bags:
            numbers = bag_numbers(self.num_lookups, self.sizes, axes)
            self._bags[tuple(axes)] = numbers
        self.spreads |= not any(rows.broadcastable[1:])
        return Gather()(rows, self._bags[tuple(axes)])

    def _in_a_row(self, variable, units):
        """Reshapes what differs between all lookups."""
        variable = self._checked(variable, range(self.num_axes), self.sizes)
        if all(variable.broadcastable[d] for d in units):
            numbers = shuffled(variable, range(self.num_axes))
            numbers = T.reshape(numbers, [self.num_lookups], ndim=1)
            return numbers.dimshuffle(0, *["x" for _ in units])
        if any(variable.broadcastable[d] for d in units):
            raise _NotFlat
        shape = [self.num_lookups] + self._units
        return T.reshape(variable, shape, ndim=len(shape))


def _spread(variable):
    """Returns what ``alloc(value, ...)`` spreads, with all axes, or None."""
    node, order = variable.owner, None
    if isinstance(node.op, DimShuffle):
        order = node.op.new_order
        inner = node.inputs[0].owner
        if sorted(order, key=str) != list(range(variable.ndim)) or inner is None:
            return None
        node = inner
    if not isinstance(node.op, Alloc):
        return None
    value = node.inputs[0]
    missing = ["x"] * (variable.ndim - value.ndim)
    value = shuffled(value, missing + list(range(value.ndim)))
    return value if order is None else shuffled(value, order)


def flattened_values(fgraph, node, shapes):
    """Flattens what is added to rows, where it is spread to the lookups of bags

    Parameters
    ----------
    fgraph : FunctionGraph
    node : Apply node of AdvancedIncSubtensor1
    shapes : RowShapes
        What is known of the graph.

    Returns
    -------
    Theano variable or None
        The same increment, of lookups among bags.
    """
    base, values, indices = node.inputs
    if values.ndim != base.ndim or values.ndim < 2:
        return None
    new = _flattened(fgraph, values, Shape_i(0)(indices), shapes, {})
    return None if new is values else node.op(base, new, indices)


def _flattened(fgraph, values, num_lookups, shapes, found):
    """Returns rows of lookups with what was spread in them flat, or as they are.

    What was `found` of a variable is not looked for again.
    """
    if values not in found:
        if len(found) >= _MOST_NODES:
            return values
        found[values] = values
        found[values] = _flat_rows(fgraph, values, num_lookups, shapes, found)
    return found[values]


def _flat_rows(fgraph, values, num_lookups, shapes, found):
    """Looks for what is spread in a reshape, in what is joined, in elementwise work."""
    node = values.owner
    if node is None:
        return values
    if isinstance(node.op, Reshape):
        return _flattened_reshape(fgraph, values, num_lookups, shapes)
    if isinstance(node.op, Join) and getattr(node.inputs[0], "data", None) == 0:
        lengths = [known_length(fgraph, v, 0) for v in node.inputs[1:]]
    elif isinstance(node.op, Elemwise) and len(node.outputs) == 1:
        lengths = [num_lookups for _ in node.inputs]
    else:
        return values
    parts = node.inputs[-len(lengths) :]
    new = [
        _flattened(fgraph, v, number, shapes, found)
        if v.broadcastable == values.broadcastable
        else v
        for v, number in zip(parts, lengths)
    ]
    if all(one is other for one, other in zip(new, parts)):
        return values
    return node.op(*node.inputs[: -len(lengths)], *new)


def _flattened_reshape(fgraph, values, num_lookups, shapes):
    """Returns ``reshape(spread rows)`` as rows of a row of lookups, or as it is."""
    spread = values.owner.inputs[0]
    num_axes = spread.ndim - values.ndim + 1
    if num_axes < 2 or any(spread.broadcastable[num_axes:]) or spread.owner is None:
        return values
    if shapes.of(spread)[num_axes - 1 :] != shapes.of(values):
        return values
    flattening = _Flattening(fgraph, spread, num_axes, num_lookups)
    try:
        new = flattening(spread)
    except _NotFlat:
        return values
    if new.broadcastable[0] and not values.broadcastable[0]:
        new = flattening.of_one_bag(new)
    return new if flattening.spreads and new.type == values.type else values


def flattened_sum(fgraph, node):
    """Flattens a sum over the units of lookups

    Parameters
    ----------
    fgraph : FunctionGraph
    node : Apply node of Sum

    Returns
    -------
    Theano variable or None
        The same sums, computed of lookups in a row.
    """
    (operand,) = node.inputs
    if not isinstance(getattr(operand.owner, "op", None), Elemwise):
        return None
    rows = _rows_below(operand)
    if rows is None or rows.num_axes < 2:
        return None
    units = tuple(range(rows.num_axes, operand.ndim))
    if node.op.axis is None or tuple(sorted(node.op.axis)) != units:
        return None
    if any(operand.broadcastable):
        return None
    flattening = _Flattening(fgraph, operand, rows.num_axes, Shape_i(0)(rows.indices))
    try:
        flat = flattening(operand)
    except _NotFlat:
        return None
    if flat.broadcastable != (False,) * flat.ndim:
        return None
    axes = tuple(range(1, flat.ndim))
    sums = Sum(axes, dtype=node.op.dtype, acc_dtype=node.op.acc_dtype)(flat)
    return T.reshape(sums, rows.sizes, ndim=rows.num_axes)


def _rows_below(variable):
    """Returns the first `Rows` of more than one axis that elementwise work takes."""
    waiting = [variable]
    for v in waiting:
        node = v.owner
        if node is None or len(waiting) > _MOST_NODES:
            continue
        if isinstance(node.op, Reshape) and v.type == variable.type:
            rows = rows_of_table(v)
            if rows is not None:
                return rows
        elif isinstance(node.op, Elemwise):
            waiting += [i for i in node.inputs if i not in waiting]
    return None
