"""What a row update computes for each row: a small program, as data.

A program is made of hashable tuples, so that two Ops with equal programs are
equal and share one compiled module. :func:`run_program` says in NumPy what it
means; :mod:`lasagne_sparse.ops.programs.row_kernel` writes the same as C.
"""

from collections import namedtuple
from functools import reduce

import numpy as np

__all__ = [
    "MapProgram",
    "Operand",
    "Output",
    "RowProgram",
    "Slot",
    "Step",
    "Store",
    "Sum",
    "composites",
    "run_map",
    "run_program",
    "run_sum",
]

#: Names a value of a row: ``kind`` is 'table', 'operand', 'sum', 'number' (one per
#: row, computed by a step) or 'buffer' (one per unit, computed by a step); in a map
#: also 'output' and 'total', where results go.
Slot = namedtuple("Slot", ["kind", "position"])

#: What an input of the program is. ``kind``: 'summed' (sum over the lookups of
#: the row), 'lookup' (of each lookup; for sums only), 'of_bag' (the row of each
#: lookup's bag, of which the operand before it is the number; for sums only), 'last'
#: (of the row's last lookup), 'aligned' (as many rows as are touched),
#: 'gathered' (a table that is only read), 'shared' (the same for every row) or
#: 'count' (no array: how often the row is looked up, int64).
#: ``scope``: 'unit' (a number per unit) or 'row' (one number for all units).
#: ``count``: of how many arrays it is the concatenation along the first axis.
Operand = namedtuple("Operand", ["kind", "scope", "count"])

#: Where output ``position`` of a step's composite goes; ``total`` is None, or the
#: dtype in which to sum it over the units.
Store = namedtuple("Store", ["position", "target", "total"])

#: Applies a scalar ``Composite`` to slots: once per row (``scope`` 'row') or once
#: for each unit of the row ('unit').
Step = namedtuple("Step", ["scope", "composite", "inputs", "stores"])

#: Adds a scalar ``Composite`` of slots up over the lookups of the row, in their order;
#: the slots are tables and operands. ``scope`` is that of the sum.
Sum = namedtuple("Sum", ["scope", "composite", "inputs"])

#: What a map computes: ``scope`` and ``dtype`` of an array of ``num_dims`` axes with a
#: row for each lookup.
Output = namedtuple("Output", ["scope", "dtype", "num_dims"])


class MapProgram(
    namedtuple("MapProgram", "operands steps numbers buffers outputs totals")
):
    """
    lasagne_sparse.ops.programs.row_program.MapProgram(operands, steps, numbers, ...)

    What a map computes for each lookup, where a program of an update has rows.

    Its operands are of the kinds 'gathered' (each with indices of its own), 'lookup'
    and 'shared'; its steps may also store to slots of the kinds 'output' and 'total'.

    Parameters
    ----------
    operands, steps, numbers, buffers : tuple
        As those of `RowProgram`.
    outputs : tuple of Output
        The arrays that it computes.
    totals : tuple of str
        The dtypes of the numbers that it adds up over all lookups, in float64.
    """

    __slots__ = ()

    tables = sums = ()


#: ``tables``: the scope of each table; ``operands``: an `Operand` each; ``steps``,
#: in order; ``numbers`` and ``buffers``: the dtype of each slot of these kinds;
#: ``sums``: a `Sum` each, made before the steps.
RowProgram = namedtuple(
    "RowProgram",
    ["tables", "operands", "steps", "numbers", "buffers", "sums"],
    defaults=[()],
)


def composites(program):
    """Lists the scalar composites of a program: those of its sums, then of its steps

    Parameters
    ----------
    program : RowProgram

    Returns
    -------
    list of Composite
    """
    return [part.composite for part in program.sums + program.steps]


def run_sum(part, arrays, counts):
    """Computes a sum over the lookups of each row

    Parameters
    ----------
    part : Sum
    arrays : list of NumPy arrays
        The value of each input at each lookup, those of the first row first; or one
        row that serves all.
    counts : NumPy vector of int, shape ``(num_distinct,)``
        How many lookups each row has.

    Returns
    -------
    NumPy array, shape ``(num_distinct, ...)``
    """
    (values,) = _apply(part.composite, arrays)
    sums = np.zeros((len(counts),) + values.shape[1:], values.dtype)
    np.add.at(sums, np.repeat(np.arange(len(counts)), counts), values)
    return sums


def run_program(program, tables, operands, units, sums=()):
    """Computes the new rows of all tables

    Parameters
    ----------
    program : RowProgram
    tables : list of NumPy arrays, shape ``(num_distinct,) + units``
        The touched rows of each table; ``(num_distinct, 1, ..., 1)``, of the same
        rank, in the scope 'row'.
    operands : list of NumPy arrays
        As `tables`; they broadcast to this shape.
    units : tuple of int
        The shape of a row.
    sums : list of NumPy arrays
        What :func:`run_sum` made of each of the program's sums.

    Returns
    -------
    list of NumPy arrays, shapes and dtypes of `tables`
    """
    values = {Slot("table", i): rows for i, rows in enumerate(tables)}
    values.update((Slot("operand", i), rows) for i, rows in enumerate(operands))
    values.update((Slot("sum", i), rows) for i, rows in enumerate(sums))
    stored = _run_steps(program, values, tables[0].shape[:1] + units)
    return [
        np.broadcast_to(stored.get(Slot("table", i), rows), rows.shape).astype(
            rows.dtype
        )
        for i, rows in enumerate(tables)
    ]


def run_map(program, operands, num_lookups, units):
    """Computes what a map makes of all lookups

    Parameters
    ----------
    program : MapProgram
    operands : list of NumPy arrays, shape ``(num_lookups,) + units``
        Of tables, the rows that are looked up. ``(num_lookups, 1, ..., 1)``, of the
        same rank, in the scope 'row'; they broadcast to this shape.
    num_lookups : int
    units : tuple of int
        The shape of a row.

    Returns
    -------
    list of NumPy arrays
        The outputs, then the totals, as `program` says.
    """
    values = {Slot("operand", i): rows for i, rows in enumerate(operands)}
    stored = _run_steps(program, values, (num_lookups,) + units)
    results = []
    for i, (scope, dtype, num_dims) in enumerate(program.outputs):
        shape = units if scope == "unit" else (1,) * len(units)
        result = np.broadcast_to(stored[Slot("output", i)], (num_lookups,) + shape)
        if scope == "row":
            result = result.reshape((num_lookups,) + (1,) * (num_dims - 1))
        results.append(result.astype(dtype))
    for i, dtype in enumerate(program.totals):
        numbers = stored[Slot("total", i)]
        if len(numbers) != num_lookups:
            numbers = np.repeat(numbers, num_lookups, axis=0)
        results.append(np.asarray(numbers.sum(dtype="float64"), dtype))
    return results


def _run_steps(program, values, shape):
    """Runs the steps on the values of slots; returns the slots that leave a program."""
    stored = {}
    for step in program.steps:
        outputs = _apply(step.composite, [values[slot] for slot in step.inputs])
        for position, target, total in step.stores:
            result = outputs[position]
            if total is not None:
                # each unit counts, although all of them may share a value
                result = np.broadcast_to(result, shape)
                axes = tuple(range(1, result.ndim))
                result = result.sum(axis=axes, keepdims=True, dtype=total)
                result = result.astype(program.numbers[target.position])
            kept = values if target.kind in ("number", "buffer") else stored
            kept[target] = result
    return stored


def _apply(composite, arrays):
    """Evaluates a composite elementwise, one of its nodes after the other."""
    values = dict(zip(composite.fgraph.inputs, arrays))
    with np.errstate(all="ignore"):
        for node in composite.fgraph.toposort():
            inputs = [values[v] if v in values else v.data for v in node.inputs]
            result = _function(node)(*inputs)
            values[node.outputs[0]] = np.asarray(result, node.outputs[0].dtype)
    return [values[v] for v in composite.fgraph.outputs]


def _function(node):
    """Returns the NumPy function of a scalar node."""
    spec = getattr(node.op, "nfunc_spec", None)
    # Of some the name leads into another package: 'scipy.special.erf'.
    function = getattr(np, spec[0], None) if spec else None
    if function is not None and spec[1] == len(node.inputs):
        return function
    if function is not None and getattr(node.op, "associative", False):
        return lambda *inputs: reduce(function, inputs)
    return np.frompyfunc(node.op.impl, len(node.inputs), 1)
