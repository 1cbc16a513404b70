"""Takes the gradients of lookups out of the loop of ``scan``

What a step of a loop looks up, ``W[i]``, has a gradient as large as the table, and
``theano.grad`` adds these up from step to step. Each is a scatter: here the loop
returns their indices and values as sequences, and one scatter, outside of the loop,
adds them up.
"""

from collections import OrderedDict, namedtuple
from copy import copy

import theano.tensor as T
from theano.compile.ops import Shape, Shape_i
from theano.gof.graph import inputs as leaves_of
from theano.scan_module.scan_op import Scan
from theano.scan_module.scan_utils import infer_shape, scan_args
from theano.tensor.elemwise import DimShuffle, Elemwise
from theano.tensor.subtensor import Subtensor, get_idx_list

from ..graph import evaluate, is_zeros
from .restrict import take
from .scatters import axis_back, axis_first, scatter_at, template_of

__all__ = ["out_of_scans"]

_Loop = namedtuple("_Loop", "args sums")
_Loop.__doc__ = """A scan that adds scatters up: its ``scan_args``, and what a step adds

``sums`` maps the numbers of states to lists of pairs ``(scatter, table)``.
"""

_Sequences = namedtuple("_Sequences", "table axis pieces type")
_Sequences.__doc__ = """What stands for the state of a loop that was a sum of scatters

``pieces`` are pairs of indices and values of all steps, ``type`` the type of the sum.
"""


def out_of_scans(gradients):
    """Makes the gradients of lookups inside of ``scan`` scatters outside of it

    Parameters
    ----------
    gradients : list of Theano variables
        All of a loss: what they have in common stays in common.

    Returns
    -------
    list of Theano variables
        Equal to `gradients` but for rounding, as repeated rows are added up in
        another order. Those upstream of which no loop adds scatters up are the same
        variables. A loop is left alone where its steps may look up different
        numbers of rows, since the elements of a sequence have one shape.

    Examples
    --------
    >>> import numpy as np, theano
    >>> import theano.tensor as T
    >>> W, x = theano.shared(np.ones((5, 2)), 'W'), T.ivector('x')
    >>> outputs, _ = theano.scan(lambda i: W[i] ** 2, sequences=[x])
    >>> before = theano.grad(T.sum(outputs), W)
    >>> (after,) = out_of_scans([before])
    >>> from lasagne_sparse.sparsity import row_gradient
    >>> row_gradient(before, W) is None, row_gradient(after, W) is None
    (True, False)
    """
    readers = _readers(gradients)
    loops = {}
    for node in {v.owner for v in readers if v.owner is not None}:
        loop = _loop(node, readers) if isinstance(node.op, Scan) else None
        if loop is not None:
            loops[node] = loop
    return _rebuilt(gradients, loops) if loops else gradients


def _readers(gradients):
    """Maps all that gradients are made of to the nodes that read it."""
    readers = {v: [None] for v in gradients}
    nodes, stack = set(), list(readers)
    while stack:
        node = stack.pop().owner
        if node is None or node in nodes:
            continue
        nodes.add(node)
        for variable in node.inputs:
            readers.setdefault(variable, []).append(node)
        stack.extend(node.inputs)
    return readers


# --- Reading a loop ----------------


def _loop(node, readers):
    """Reads a scan that adds scatters up, or returns None."""
    states = zip(node.op.outer_sitsot_outs(node), node.op.outer_sitsot(node))
    candidates = [
        k
        for k, (state, initial) in enumerate(states)
        if is_zeros(initial) and all(map(_reads_last, readers.get(state, [None])))
    ]
    if not candidates:
        return None
    step = out_of_scans(node.op.outputs)  # a loop in each step of a loop
    args = scan_args(node.inputs, node.outputs, node.op.inputs, step, node.op.info)
    found = ((k, _scatters_of_a_step(args, k)) for k in candidates)
    sums = OrderedDict((k, scatters) for k, scatters in found if scatters)
    return _Loop(args, sums) if sums else None


def _reads_last(node):
    """Tells whether a node is ``state[-1]``."""
    if node is None or not isinstance(node.op, Subtensor):
        return False
    index = get_idx_list(node.inputs, node.op.idx_list)
    return len(index) == 1 and getattr(index[0], "data", None) == -1


def _scatters_of_a_step(args, k):
    """Lists what a step adds to its state number `k`, or None

    As pairs ``(scatter, its table outside of the loop)``: of one table, along one
    axis, and as many values in each step.
    """
    state = args.inner_in_sit_sot[k]
    terms = _terms(args.inner_out_sit_sot[k])
    if terms.count(state) != 1:
        return None
    terms.remove(state)
    others = terms + [
        o for o in args.inner_outputs if o is not args.inner_out_sit_sot[k]
    ]
    if state in leaves_of(others):
        return None
    outside = dict(zip(args.inner_in_non_seqs, args.outer_in_non_seqs))
    for axis in range(state.ndim):
        scatters = [_scatter(term, axis) for term in terms]
        if None in scatters:
            continue
        tables = {outside.get(_table_of(s)) for s in scatters}
        if len(tables) == 1 and None not in tables and _have_one_shape(scatters, args):
            return [(s, *tables) for s in scatters]
    return None


def _scatter(term, axis):
    """Reads a scatter into zeros, also one of shuffled axes, as ``W[:, i]`` has it."""
    shuffles, along = [], axis
    while term.owner is not None and _only_shows(term.owner):
        if isinstance(term.owner.op, DimShuffle):
            shuffles.append(term.owner.op.new_order)
            along = shuffles[-1][along]
        term = term.owner.inputs[0]
    scatter = scatter_at(term, along)
    if scatter is None or not is_zeros(scatter.base):
        return None
    values = axis_back(scatter.values, along)
    for order in reversed(shuffles):
        values = values.dimshuffle(order)
    return scatter._replace(values=axis_first(values, axis), axis=axis)


def _terms(total):
    """Lists the terms of a sum."""
    terms, stack = [], [total]
    while stack:
        variable = stack.pop()
        node = variable.owner
        if (
            node is not None
            and isinstance(node.op, Elemwise)
            and isinstance(node.op.scalar_op, T.scal.Add)
            and all(i.broadcastable == variable.broadcastable for i in node.inputs)
        ):
            stack.extend(reversed(node.inputs))
        else:
            terms.append(variable)
    return terms


def _table_of(scatter):
    """Returns the variable whose rows a scatter writes, in terms of a step."""
    table = template_of(scatter.base)
    while table is not None and table.owner is not None and _only_shows(table.owner):
        table = table.owner.inputs[0]
    return table


def _only_shows(node):
    """Tells whether a node only orders the axes of its input anew, or not even that."""
    if isinstance(node.op, DimShuffle):
        order = node.op.new_order
        return "x" not in order and len(order) == node.inputs[0].ndim
    is_elementwise = isinstance(node.op, Elemwise)
    return is_elementwise and isinstance(node.op.scalar_op, T.scal.Identity)


def _have_one_shape(scatters, args):
    """Tells whether scatters have the same shape in each step of a loop

    So they have if it follows from the shapes of what a step gets, not from numbers.
    """
    inputs = args.inner_inputs
    shapes = [tuple(T.lscalar() for _ in range(v.ndim)) for v in inputs]
    asked = [v for s in scatters for v in (s.indices, s.values)]
    numbers_of_a_step = frozenset(inputs)
    seen, stack = set(asked), []
    while asked or stack:
        if asked:
            variable = asked.pop()
            (lengths,) = infer_shape([variable], inputs, shapes)
            if any(_shaped(length) is variable for length in lengths):
                return False
            stack.extend(lengths)
            continue
        number = stack.pop()
        if number in seen:
            continue
        seen.add(number)
        shaped = _shaped(number)
        if number in numbers_of_a_step:
            return False
        if shaped is not None and shaped not in seen:
            seen.add(shaped)
            asked.append(shaped)
        elif shaped is None and number.owner is not None:
            stack.extend(number.owner.inputs)
    return True


def _shaped(number):
    """Returns the variable of which a number is a length, or None."""
    if number.owner is not None and isinstance(number.owner.op, (Shape, Shape_i)):
        return number.owner.inputs[0]
    return None


# --- Building it anew ----------------


def _rebuilt(gradients, loops):
    """Exchanges loops, and all that is computed of them."""
    known, nodes = {}, {}

    def parts(variable):
        return [] if variable.owner is None else variable.owner.inputs

    def exchanged(variable, inputs):
        node = variable.owner
        if node is None:
            return variable
        if node not in nodes:
            nodes[node] = _exchanged(node, inputs, loops)
        return nodes[node][node.outputs.index(variable)]

    return [evaluate(g, parts, exchanged, known) for g in gradients]


def _exchanged(node, inputs, loops):
    """Returns what stands for the outputs of a node of which the inputs are others."""
    if node in loops:
        return _without_sums(node, inputs, loops[node])
    if any(isinstance(i, _Sequences) for i in inputs):
        return [_scattered(inputs[0])]
    if all(new is old for new, old in zip(inputs, node.inputs)):
        return node.outputs
    return node.clone_with_new_inputs(inputs).outputs


def _without_sums(node, inputs, loop):
    """Builds a loop that returns indices and values in place of their sums."""
    args, now = copy(loop.args), dict(zip(node.inputs, inputs))
    returned = [v for found in loop.sums.values() for s, _ in found for v in s[:2]]
    args.inner_out_nit_sot = args.inner_out_nit_sot + returned
    args.outer_in_nit_sot = args.outer_in_nit_sot + [args.n_steps] * len(returned)
    args.outer_out_nit_sot = args.outer_out_nit_sot + [None] * len(returned)
    for name in ("inner_in", "outer_in", "inner_out", "outer_out"):
        kept = getattr(args, name + "_sit_sot")
        kept = [v for k, v in enumerate(kept) if k not in loop.sums]
        setattr(args, name + "_sit_sot", kept)
    op = Scan(args.inner_inputs, args.inner_outputs, args.info)
    outputs = op(*[now[v] for v in args.outer_inputs], return_list=True)
    news = scan_args(outputs[0].owner.inputs, outputs, op.inputs, op.outputs, op.info)
    sequences = iter(news.outer_out_nit_sot[-len(returned) :])
    stands = dict(zip(args.outer_outputs, news.outer_outputs))
    for k, found in loop.sums.items():
        state = loop.args.outer_out_sit_sot[k]
        pieces = [(next(sequences), next(sequences)) for _ in found]
        scatter, table = found[0]
        stands[state] = _Sequences(now[table], scatter.axis, pieces, state.type)
    return [stands[v] for v in node.outputs]


def _scattered(sequences):
    """Returns a table's zeros with the values of all steps added."""
    table, axis = sequences.table, sequences.axis
    total = T.zeros_like(table, dtype=sequences.type.dtype)
    for indices, values in sequences.pieces:
        rows = take(total, indices.flatten(), axis)
        num_lookups = values.shape[0] * values.shape[1]
        shape = [num_lookups] + [values.shape[d] for d in range(2, values.ndim)]
        values = values.reshape(shape, ndim=values.ndim - 1)
        total = T.inc_subtensor(rows, axis_back(values, axis))
    return T.patternbroadcast(total, sequences.type.broadcastable[1:])
