"""Programs of rows: what is out of order is seen by the tests"""

import pytest
from lasagne_sparse.ops.programs import validation
from lasagne_sparse.ops.programs.row_program import (
    MapProgram,
    Operand,
    Output,
    RowProgram,
    Slot,
    Step,
    Store,
    Sum,
)
from lasagne_sparse.ops.rows.row_update import RowUpdate
from theano import scalar

x = scalar.float32("x")
SAME = scalar.Composite([x], [scalar.identity(x)])
W, n, accu = Slot("table", 0), Slot("number", 0), Slot("table", 1)
g, buffer = Slot("operand", 0), Slot("buffer", 0)


def step(scope, read, target, total=None, position=0):
    return Step(scope, SAME, (read,), (Store(position, target, total),))


def program(*steps, tables=("unit", "row"), operands=("summed", "unit", 1), sums=()):
    return RowProgram(tables, (Operand(*operands),), steps, ("float32",), (), sums)


NORM = step("unit", g, n, "float32")
ACCU = step("row", n, accu)
ROWS = step("unit", g, W)
GOOD = program(NORM, ACCU, ROWS)


def test_a_good_program_is_let_through():
    validation.validate(GOOD)
    validation.validate(
        MapProgram(
            (Operand("gathered", "unit", 1), Operand("lookup", "row", 1)),
            (
                step("unit", g, Slot("output", 0)),
                step("row", Slot("operand", 1), Slot("total", 0)),
            ),
            (),
            (),
            (Output("unit", "float32", 2),),
            ("float32",),
        )
    )


@pytest.mark.parametrize(
    "bad, message",
    [
        (program(ACCU, NORM, ROWS), "is read before it is stored"),
        (program(NORM, ROWS, ACCU, ROWS), "table without one store"),
        (program(NORM, ROWS), "table without one store"),
        (program(ACCU, ROWS), "is read before it is stored"),
        (program(ROWS, step("unit", W, n, "float32"), ACCU), "after it was written"),
        (program(NORM, step("row", g, accu), ROWS), "once per row reads"),
        (program(NORM, step("unit", g, accu), ROWS), "a step by unit stores"),
        (program(NORM, ACCU, step("unit", g, W, "float32")), "takes no sum"),
        (program(NORM, ACCU, step("unit", g, W, None, 1)), "no output 1"),
        (program(NORM, ACCU, ROWS, operands=("lookup", "unit", 1)), "is for sums"),
        (program(NORM, ACCU, ROWS, operands=("shared", "unit", 2)), "has 2 arrays"),
        (program(NORM, ACCU, ROWS, operands=("count", "row", 1)), "has no array"),
        (program(NORM, ACCU, ROWS, sums=(Sum("unit", SAME, (n,)),)), "a sum reads"),
        (program(NORM, ACCU, ROWS, sums=(Sum("row", SAME, (g,)),)), "sum once per row"),
    ],
)
def test_what_is_out_of_order_is_seen(bad, message):
    with pytest.raises(AssertionError, match=message):
        RowUpdate(bad)


def test_it_costs_nothing_where_it_is_switched_off(monkeypatch):
    monkeypatch.setattr(validation, "enabled", False)
    RowUpdate(program(NORM, ROWS))
