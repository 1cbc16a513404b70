"""What a row update computes for each row: a small program, as data.

A program is made of hashable tuples, so that two Ops with equal programs are
equal and share one compiled module. :func:`run_program` says in NumPy what it
means; :mod:`lasagne_sparse.ops.row_kernel` writes the same as C.
"""

from collections import namedtuple
from functools import reduce

import numpy as np

__all__ = ["Operand", "RowProgram", "Slot", "Step", "Store", "run_program"]

#: Names a value of a row: ``kind`` is 'table', 'operand', 'number' (one per row,
#: computed by a step) or 'buffer' (one per unit, computed by a step).
Slot = namedtuple("Slot", ["kind", "position"])

#: What an input of the program is. ``kind``: 'summed' (sum over the lookups of
#: the row), 'last' (of its last lookup), 'aligned' (as many rows as are touched),
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

#: ``tables``: the scope of each table; ``operands``: an `Operand` each; ``steps``,
#: in order; ``numbers`` and ``buffers``: the dtype of each slot of these kinds.
RowProgram = namedtuple(
    "RowProgram", ["tables", "operands", "steps", "numbers", "buffers"]
)


def run_program(program, tables, operands, units):
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

    Returns
    -------
    list of NumPy arrays, shapes and dtypes of `tables`
    """
    values = {Slot("table", i): rows for i, rows in enumerate(tables)}
    values.update((Slot("operand", i), rows) for i, rows in enumerate(operands))
    results = list(tables)
    for step in program.steps:
        outputs = _apply(step.composite, [values[slot] for slot in step.inputs])
        for position, target, total in step.stores:
            result = outputs[position]
            if total is not None:
                # each unit counts, although all of them may share a value
                result = np.broadcast_to(result, tables[0].shape[:1] + units)
                axes = tuple(range(1, result.ndim))
                result = result.sum(axis=axes, keepdims=True, dtype=total)
                result = result.astype(program.numbers[target.position])
            if target.kind == "table":
                results[target.position] = result
            else:
                values[target] = result
    return [
        np.broadcast_to(result, rows.shape).astype(rows.dtype)
        for result, rows in zip(results, tables)
    ]


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
    if spec and spec[1] == len(node.inputs):
        return getattr(np, spec[0])
    if spec and getattr(node.op, "associative", False):
        return lambda *inputs: reduce(getattr(np, spec[0]), inputs)
    return np.frompyfunc(node.op.impl, len(node.inputs), 1)
