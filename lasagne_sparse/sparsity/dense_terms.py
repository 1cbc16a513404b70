"""What keeps the gradient of a table that is looked up from being row-sparse?

.. autosummary::
    :nosignatures:

    dense_terms
    looked_up_tables
"""

from theano.scan_module.scan_op import Scan
from theano.tensor import Join
from theano.tensor.elemwise import Elemwise
from theano.tensor.subtensor import IncSubtensor, Subtensor
from theano.scalar import Add, Second

from ..graph import evaluate, is_zeros, table_of, walk
from .background import Background
from .rowwise import row_inputs
from .scatters import looks_rows_up, template_of

__all__ = ["dense_terms", "looked_up_tables"]


def looked_up_tables(gradients):
    """Finds the tables of which a loss looks rows up

    Parameters
    ----------
    gradients : list of Theano variables
        Of the loss; all that they are made of is looked at, once.

    Returns
    -------
    set of shared variables
        Those into whose zeros a lookup is scattered, also behind other steps, in
        views of the table, and inside of ``scan``.
    """
    found = [table_of(v) for v in _looked_up(gradients)]
    return {table for table in found if table is not None}


def _looked_up(outputs):
    """Returns the variables of which rows are looked up in a graph of gradients."""
    found, seen, stack = set(), set(), list(outputs)
    while stack:
        variable = stack.pop()
        if variable in seen or variable.owner is None:
            continue
        seen.add(variable)
        node = variable.owner
        if looks_rows_up(variable):
            found.update(_roots(template_of(node.inputs[0])))
        elif isinstance(node.op, Scan):
            found.update(_looked_up_in_steps(node))
        stack.extend(node.inputs)
    return found


def _roots(template):
    """Returns what rows are looked up of: also of ``f(W)[x]`` it is the table."""
    if template is None:
        return []
    found = walk(template, _upstream_of_rows)
    return [table_of(v) or v for v in found if v.owner is None or table_of(v)]


def _upstream_of_rows(node):
    """Lists the inputs that a node takes rows, or numbers for all of them, from."""
    if isinstance(node.op, Join):
        return node.inputs[1:]
    if isinstance(node.op, (IncSubtensor, Subtensor)):
        return node.inputs[:1]
    return _large_inputs(node.outputs[0])


def _looked_up_in_steps(node):
    """Returns those inputs of a scan of which its steps look rows up."""
    mappings = node.op.get_oinp_iinp_iout_oout_mappings()
    outer = {
        node.op.inputs[inner]: node.inputs[position]
        for inner, position in mappings["outer_inp_from_inner_inp"].items()
    }
    return [outer[v] for v in _looked_up(node.op.outputs) if v in outer]


def dense_terms(gradient, table, background=None, looked_up=None):
    """Finds what keeps a partly sparse gradient from being row-sparse

    Parameters
    ----------
    gradient : Theano variable
        A gradient for which :func:`.row_gradient` returned None.
    table : Theano variable
    background : Background, optional
        As for :func:`.row_gradient`.
    looked_up : set of shared variables, optional
        What :func:`looked_up_tables` found, if that was asked already.

    Returns
    -------
    list of Theano variables
        The terms of the gradient that are not zero in the rows that no lookup
        touched, also behind clips, scales, constraints and guards; or the step that
        makes something of zeros. Empty for the gradient of a parameter that nothing
        looks up.
    """
    looked_up = looked_up_tables([gradient]) if looked_up is None else looked_up
    if table not in looked_up:
        return []
    background = Background() if background is None else background
    if _is_sparse(gradient, background):
        return _slices(gradient, background)
    has_sparse_parts = _part_finder(background)
    dense, seen, stack = [], set(), [gradient]
    while stack:
        variable = stack.pop()
        if variable in seen:
            continue
        seen.add(variable)
        parts = _large_inputs(variable) if has_sparse_parts(variable) else []
        blamed = [part for part in parts if not _is_sparse(part, background)]
        if blamed:
            stack.extend(reversed(blamed))
        elif parts and _is_sum(variable.owner):  # of rows and columns
            dense.extend(parts)
        else:
            dense.append(variable)
    return dense


def _is_sparse(variable, background):
    """Tells whether a variable is zero but in rows, or columns, that are looked up."""
    return any(
        not variable.broadcastable[axis]
        and background.value(variable, axis) == 0
        and background.scatters(variable, axis)
        for axis in range(variable.ndim)
    )


def _slices(gradient, background):
    """Lists the slices in a gradient of which they are too many for rows."""
    leaves = [
        leaf
        for axis in range(gradient.ndim)
        if background.value(gradient, axis) == 0
        for leaf, _ in background.scatters(gradient, axis)
    ]
    return [leaf for leaf in leaves if not looks_rows_up(leaf)] or leaves


def _part_finder(background):
    """Returns a function that tells whether a variable has a part that is sparse."""
    known = {}

    def combined(variable, parts):
        return any(parts) or _is_sparse(variable, background)

    return lambda variable: evaluate(variable, _large_inputs, combined, known)


def _large_inputs(variable):
    """Lists the inputs that bring a variable a number of each of its elements."""
    node = variable.owner
    if node is None:
        return []
    if isinstance(node.op, Elemwise):
        inputs = node.inputs
        if isinstance(node.op.scalar_op, Second):
            inputs = inputs[1:]  # the first one gives its shape alone
        like = variable.broadcastable
        return [i for i in inputs if i.broadcastable == like and not is_zeros(i)]
    whole = any(row_inputs(variable, axis) for axis in range(variable.ndim))
    return node.inputs[:1] if whole and node.inputs[0].ndim == variable.ndim else []


def _is_sum(node):
    return isinstance(node.op, Elemwise) and isinstance(node.op.scalar_op, Add)
