"""RowUpdate's operands of kind 'of_bag': the row of a bag, for each of its lookups"""

import lasagne_sparse  # noqa: F401
import numpy as np
import pytest
import theano
import theano.tensor as T
from lasagne_sparse.ops.programs.row_program import Operand, RowProgram, Slot, Step
from lasagne_sparse.ops.programs.validation import validate
from lasagne_sparse.ops.rows.row_update import RowUpdate
from lasagne_sparse.updates import sgd
from toy import same_bits

__all__ = []

pytestmark = pytest.mark.usefixtures("host_only")

ROWS, UNITS, BAGS = 6, 5, 4
FLOAT = theano.config.floatX


class Compiled:
    """A step whose gradient by rows is ``weights * (g + h)[bags]``, by one linker"""

    def __init__(self, mode):
        self.W = theano.shared(np.zeros((ROWS, UNITS), FLOAT), "W")
        x, bags, weights = T.ivector("x"), T.ivector("bags"), T.vector("weights")
        g, h = T.matrix("g"), T.col("h")
        values = weights.dimshuffle(0, "x") * self.W[x]
        sums = T.inc_subtensor(T.zeros_like(g)[bags], values)
        loss = T.sum(sums * (g + h))  # which says how long the rows of g are
        updates = sgd(loss, [self.W], 1.0)
        inputs = [x, bags, weights, g, h]
        self.step = theano.function(inputs, loss, updates=updates, mode=mode)

    def program(self):
        nodes = self.step.maker.fgraph.apply_nodes
        (node,) = [node for node in nodes if isinstance(node.op, RowUpdate)]
        return node.op.program

    def __call__(self, arguments):
        self.W.set_value(np.zeros((ROWS, UNITS), FLOAT))
        self.step(*arguments)
        return self.W.get_value()


@pytest.fixture(scope="module", params=["py", "c|py"])
def compiled(request):
    return Compiled(theano.Mode(request.param, "fast_run"))


def arguments(num_lookups=9, layout=np.array):
    random = np.random.RandomState(1)
    return [
        random.randint(0, ROWS, num_lookups).astype("int32"),
        random.randint(-BAGS, BAGS, num_lookups).astype("int32"),
        random.uniform(-1, 1, num_lookups).astype(FLOAT),
        layout(random.uniform(-1, 1, (BAGS, UNITS)).astype(FLOAT)),
        random.uniform(-1, 1, (BAGS, 1)).astype(FLOAT),
    ]


def plain(x, bags, weights, g, h):
    table = np.zeros((ROWS, UNITS))
    for i, bag, weight in zip(x, bags, weights):
        table[i] -= weight * (g[bag] + h[bag])
    return table


def kinds(program):
    return [(operand.kind, operand.scope) for operand in program.operands]


def test_rows_of_bags_are_operands(compiled):
    found = kinds(compiled.program())
    assert ("of_bag", "unit") in found
    validate(compiled.program())


@pytest.mark.parametrize("num_lookups", [0, 1, 9, 300])
@pytest.mark.parametrize(
    "layout", [np.array, np.asfortranarray, lambda a: np.repeat(a, 2, axis=1)[:, ::2]]
)
def test_values_are_those_of_a_loop(compiled, num_lookups, layout):
    given = arguments(num_lookups, layout)
    np.testing.assert_allclose(compiled(given), plain(*given), 1e-4, 1e-5)


@pytest.mark.parametrize("bag", [BAGS, -BAGS - 1])
def test_bag_that_is_not_there_changes_nothing(compiled, bag):
    given = arguments()
    given[1][5] = bag
    with pytest.raises(IndexError):
        compiled(given)
    same_bits(compiled.W.get_value(), np.zeros((ROWS, UNITS), FLOAT))


def test_debug_mode():
    given = arguments()
    np.testing.assert_allclose(Compiled("DebugMode")(given), plain(*given), 1e-4, 1e-5)


@pytest.mark.parametrize(
    "operands",
    [
        (Operand("of_bag", "unit", 1),),
        (Operand("gathered", "row", 1), Operand("of_bag", "unit", 1)),
        (Operand("lookup", "unit", 1), Operand("of_bag", "unit", 1)),
    ],
)
def test_operand_without_bags_is_no_program(operands):
    program = RowProgram(("unit",), operands, (), (), (), ())
    with pytest.raises(AssertionError, match="has no bags"):
        validate(program)


def test_operand_of_bags_is_for_sums_alone():
    operands = (Operand("lookup", "row", 1), Operand("of_bag", "unit", 1))
    step = Step("unit", None, (Slot("operand", 1),), ())
    program = RowProgram(("unit",), operands, (step,), (), (), ())
    with pytest.raises(AssertionError, match="operand 1 is for sums"):
        validate(program)
