"""Reads products: rows that were looked up, times one number for each lookup."""

from collections import namedtuple

from theano import scalar
from theano.compile.ops import Shape_i
from theano.tensor import Reshape
from theano.tensor.elemwise import DimShuffle, Elemwise
from theano.tensor.subtensor import AdvancedSubtensor1

from ...ops import BagSum, Gather
from ..gathers import local_lookup_through_subset
from ..lookups import is_of_bags, length, same_number, table_name
from .numbers import flat_weights, known_length

__all__ = [
    "Rows",
    "Weighted",
    "are_row_factors",
    "bag_sum",
    "rows_of_bags",
    "rows_of_table",
    "weighted",
    "weights_of",
]

#: So many products, one inside the other, are looked into.
_MOST_NODES = 20
_DTYPES = ("float32", "float64")

Rows = namedtuple("Rows", "table indices name num_axes sizes")
Rows.__doc__ = """Rows of a table, in an array whose first ``num_axes`` are the lookups'

``indices`` is a vector: the lookups in order; ``sizes`` the lengths of their axes.
"""

Weighted = namedtuple("Weighted", "rows order factors")
Weighted.__doc__ = """Rows, their axes in an order, times factors

Axis `d` of the product is axis ``order[d]`` of the array of rows. ``factors`` are as
:func:`~lasagne_sparse.rewrites.bags.numbers.flat_weights` takes them, with the axes of
the product.
"""


def rows_of_table(variable):
    """Reads a lookup in a table

    Parameters
    ----------
    variable : Theano variable
        For example ``reshape(table[indices], (batch, length, num_units))``.

    Returns
    -------
    Rows or None
    """
    node, fgraph = variable.owner, getattr(variable, "fgraph", None)
    if node is None or fgraph is None or variable.dtype not in _DTYPES:
        return None
    is_reshaped = isinstance(node.op, Reshape)
    found = _lookup(node.inputs[0] if is_reshaped else variable)
    if found is None:
        return None
    table, indices, name = found
    num_axes = variable.ndim - table.ndim + 1
    if table.ndim < 2 or num_axes < 1 or indices.broadcastable[0]:
        return None
    sizes = [known_length(fgraph, variable, k) for k in range(num_axes)]
    for k in range(1, table.ndim):
        unit = known_length(fgraph, variable, num_axes + k - 1)
        if is_reshaped and not same_number(unit, length(fgraph, table, k)):
            return None
    return Rows(table, indices, name, num_axes, sizes)


def _lookup(variable):
    """Returns table, indices and name of a lookup in a table, or None."""
    node = variable.owner
    if node is None:
        return None
    if isinstance(node.op, AdvancedSubtensor1):
        through = local_lookup_through_subset.transform(node)
        node = through[0].owner if through else node
    elif not isinstance(node.op, Gather):
        return None
    table, indices = node.inputs
    name = table_name(table)
    return None if name is False else (table, indices, name)


def rows_of_bags(variable):
    """Reads what lookups have of what their bags have

    Parameters
    ----------
    variable : Theano variable
        For example ``g[bags]``.

    Returns
    -------
    Rows or None
    """
    if not is_of_bags(variable) or variable.dtype not in _DTYPES:
        return None
    of, bags = variable.owner.inputs
    if of.ndim < 2 or any(of.broadcastable[1:]) or bags.broadcastable[0]:
        return None
    return Rows(of, bags, None, 1, [Shape_i(0)(bags)])


def weighted(variable, read):
    """Reads a product of rows and of what is one number for each lookup

    Parameters
    ----------
    variable : Theano variable
        For example ``W[x] * mask.dimshuffle(0, 1, 'x')``.
    read : callable
        Returns what it knows of a variable as `Rows`, or None.

    Returns
    -------
    Weighted or None
        None if it is anything else. Whether factors are one number for each lookup is
        not looked at: see :func:`are_row_factors`.
    """
    return _weighted(variable, read, set())


def _weighted(variable, read, seen):
    """Reads a product; what was `seen` before has no rows in it."""
    rows = read(variable)
    if rows is not None:
        return Weighted(rows, list(range(variable.ndim)), [])
    node = variable.owner
    if node is None or variable in seen or len(seen) >= _MOST_NODES:
        return None
    seen.add(variable)
    if isinstance(node.op, DimShuffle):
        order = node.op.new_order
        inner = None
        if sorted(order, key=str) == list(range(node.inputs[0].ndim)):
            inner = _weighted(node.inputs[0], read, seen)
        if inner is None:
            return None
        factors = [(k, v and v.dimshuffle(*order)) for k, v in inner.factors]
        return Weighted(inner.rows, [inner.order[d] for d in order], factors)
    if isinstance(node.op, Elemwise):
        return _product(node, variable, read, seen)
    return None


def _product(node, variable, read, seen):
    """Reads a product, a quotient or a negative."""
    op = node.op.scalar_op
    if not isinstance(op, (scalar.Mul, scalar.TrueDiv, scalar.Neg)):
        return None
    candidates = node.inputs[:1] if isinstance(op, scalar.TrueDiv) else node.inputs
    for candidate in candidates:
        if candidate.type != variable.type:
            continue
        inner = _weighted(candidate, read, seen)
        if inner is None:
            continue
        position = node.inputs.index(candidate)
        others = [v for i, v in enumerate(node.inputs) if i != position]
        kind = "div" if isinstance(op, scalar.TrueDiv) else "mul"
        factors = [(kind, v) for v in others]
        if isinstance(op, scalar.Neg):
            factors = [("neg", None)]
        return inner._replace(factors=inner.factors + factors)
    return None


def are_row_factors(found):
    """Tells whether all factors are one number for each lookup

    Parameters
    ----------
    found : Weighted

    Returns
    -------
    bool
    """
    units = [d for d, axis in enumerate(found.order) if axis >= found.rows.num_axes]
    return all(
        factor is None or all(factor.broadcastable[d] for d in units)
        for _, factor in found.factors
    )


def weights_of(fgraph, found):
    """Returns what the rows are multiplied with

    Parameters
    ----------
    fgraph : FunctionGraph
    found : Weighted

    Returns
    -------
    Theano vector, shape ``(num_lookups,)``, or None
        None if there is no factor.
    """
    rows = found.rows
    axes = [found.order.index(k) for k in range(rows.num_axes)]
    num_lookups = Shape_i(0)(rows.indices)
    return flat_weights(
        fgraph, found.factors, rows.table.dtype, axes, rows.sizes, num_lookups
    )


def bag_sum(fgraph, found, bags, num_bags):
    """Sums weighted rows by bag

    Parameters
    ----------
    fgraph : FunctionGraph
    found : Weighted
    bags : Theano vector, shape ``(num_lookups,)``
    num_bags : Theano scalar

    Returns
    -------
    Theano variable, shape ``(num_bags, ...)``
    """
    rows, weights = found.rows, weights_of(fgraph, found)
    weights = [] if weights is None else [weights]
    return BagSum(rows.name)(rows.table, rows.indices, bags, num_bags, *weights)
