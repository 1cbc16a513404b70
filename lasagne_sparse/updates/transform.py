"""The transform that makes any update rule sparse

A dense rule is called once, with each table's gradient as a scatter of its
coalesced rows. Each update expression that it returns is then restricted to
those rows, and written back there. So no rule is written twice, and rules that
nobody has written yet work too.
"""
import functools
import os
import warnings
from collections import OrderedDict

import lasagne
import theano
import theano.tensor as T
from theano.compile.sharedvalue import SharedVariable
from theano.gof.graph import ancestors
from theano.scan_module.scan_op import Scan
from theano.tensor.elemwise import DimShuffle, Elemwise
from theano.tensor.subtensor import (
    AdvancedIncSubtensor1,
    AdvancedSubtensor,
    AdvancedSubtensor1,
    Subtensor,
)

from ..gradients import TouchedRows, dense_terms, row_gradient
from ..ops import UniqueRows
from ..restrict import restrict, row_leaves, take

__all__ = ["SparsityWarning", "get_or_compute_grads", "sparse"]

_LIBRARIES = tuple(
    os.path.dirname(os.path.abspath(path))
    for path in (theano.__file__, lasagne.__file__, os.path.dirname(__file__))
)


class SparsityWarning(UserWarning):
    """Warns that an update is right, but costs work as large as the table"""


def get_or_compute_grads(loss_or_grads, params):
    """Returns the gradients of a loss, or the gradients given

    Parameters
    ----------
    loss_or_grads : symbolic scalar, or list of expressions
        A loss, or one gradient for each of `params`.
    params : list of shared variables or subsets of them
        A subset is what a lookup returns: :attr:`EmbeddingLayer.subset
        <lasagne_sparse.layers.EmbeddingLayer.subset>`, ``W[x]``, ``W[:, x]``.

    Returns
    -------
    list of expressions
        One gradient for each of `params`, of its shape.

    Raises
    ------
    ValueError
        If `loss_or_grads` is a list of another length than `params`, or if
        `params` contains anything but shared variables and their subsets.

    Examples
    --------
    >>> import numpy as np, theano
    >>> W = theano.shared(np.ones((3, 2)))
    >>> gradient, = get_or_compute_grads((W[[2, 2]] ** 2).sum(), [W])
    >>> print(gradient.eval().tolist())
    [[0.0, 0.0], [0.0, 0.0], [4.0, 4.0]]
    """
    for param in params:
        if table_of(param) is None:
            raise ValueError(
                "params must contain shared variables and subsets of them (such as "
                "layer.subset) only, got %s of type %s. If it contains arbitrary "
                "parameter expressions, then lasagne.utils.collect_shared_vars() "
                "may help you." % (param, getattr(param, "type", type(param)))
            )
    if isinstance(loss_or_grads, list):
        if len(loss_or_grads) != len(params):
            raise ValueError(
                "Got %d gradient expressions for %d parameters"
                % (len(loss_or_grads), len(params))
            )
        return loss_or_grads
    return theano.grad(loss_or_grads, params)


def table_of(param):
    """Returns the shared variable of which a parameter is a subset, or None

    Parameters
    ----------
    param : Theano variable
        A shared variable, or rows, columns or elements of one.

    Returns
    -------
    shared variable or None
    """
    lookups = (AdvancedSubtensor1, AdvancedSubtensor, Subtensor, DimShuffle, T.Reshape)
    while getattr(param, "owner", None) and isinstance(param.owner.op, lookups):
        param = param.owner.inputs[0]
    return param if isinstance(param, SharedVariable) else None


def sparse(update_fn):
    """Makes an update rule sparse

    * ``updates[W] := inc_subtensor(W[rows], step)``
    * ``updates[state] := set_subtensor(state[rows], new_state)``

    where ``step`` and ``new_state`` are the rule's own expressions, computed at
    the distinct rows of ``W`` that the loss looks up, and nowhere else.

    Parameters
    ----------
    update_fn : callable
        A rule with Lasagne's signature, ``update_fn(loss_or_grads, params, ...)``,
        that returns a dictionary of updates. Its accumulators may have the
        shape of the table or one number per row.

    Returns
    -------
    callable
        The rule with the same signature, also for subsets among `params`. It
        returns an :class:`OrderedDict` from shared variables to expressions in
        the order of `update_fn`.

    Raises
    ------
    ValueError
        By the returned rule, if `params` contains what is neither a shared
        variable nor a subset of one, or a table together with a subset of it,
        or if the list of gradients has another length.

    Warns
    -----
    SparsityWarning
        By the returned rule, if a table that is looked up is also used as a
        whole, and so gets a dense update.

    Notes
    -----
    *The update is lazy.* A row that is not looked up keeps its value, and so
    does its history: an accumulator does not decay while a row is away, as it
    would under the dense rule. Scalar states such as Adam's step count are
    global. PyTorch's ``SparseAdam`` and TensorFlow's ``LazyAdam`` do the same.
    If every row is looked up, the update is the dense rule's.

    A parameter whose gradient is not row-sparse goes to the dense rule in the
    same call.

    Examples
    --------
    >>> import lasagne, numpy as np, theano
    >>> import theano.tensor as T
    >>> W = theano.shared(np.ones((3, 2)), 'W')
    >>> sgd = sparse(lasagne.updates.sgd)
    >>> x = T.ivector()
    >>> f = theano.function([x], updates=sgd(W[x].sum(), [W], learning_rate=.25))
    >>> f([2, 0, 2])
    []
    >>> print(W.get_value().tolist())
    [[0.75, 0.75], [1.0, 1.0], [0.5, 0.5]]
    """

    @functools.wraps(update_fn)
    def sparse_update(loss_or_grads, params, *args, **kwargs):
        params = list(params)
        gradients = get_or_compute_grads(loss_or_grads, params)
        gradients, leaves = _read_gradients(gradients, params)
        updates = update_fn(list(gradients.values()), list(gradients), *args, **kwargs)
        return write_rows(updates, leaves)

    sparse_update.dense = update_fn
    return sparse_update


def _read_gradients(gradients, params):
    """Sorts gradients into row-sparse and dense ones

    Returns an OrderedDict from tables to gradients as large as the table, and
    a dict from those of them that are row-sparse to their ``TouchedRows``.
    """
    whole = OrderedDict()
    for param, gradient in zip(params, gradients):
        table = table_of(param)
        if table is not param:
            gradient = _scatter_subset(gradient, param, table)
        if table in whole and (table is param or table in params):
            raise ValueError(
                "params contains %s twice, or both whole and as a subset of it: "
                "list it once" % table
            )
        whole[table] = whole[table] + gradient if table in whole else gradient
    leaves = {}
    for table, gradient in whole.items():
        opaque = []
        found = row_gradient(gradient, table, opaque)
        if found is None:
            _warn_dense(gradient, table)
            continue
        if opaque:
            _warn_opaque(opaque, _named(table), stacklevel=4)
        whole[table] = found.scatter()
        leaves[whole[table]] = found
    return whole, leaves


def _scatter_subset(gradient, subset, table):
    """Turns the gradient of a subset into one as large as the table."""
    zeros = theano.clone(subset, replace={table: T.zeros_like(table)})
    return T.inc_subtensor(zeros, gradient)


def _warn_dense(gradient, table):
    """Warns once that a table's gradient is only partly row-sparse."""
    terms = dense_terms(gradient, table)
    if not terms:
        return
    warnings.warn(
        "%s is looked up, but its gradient has a part that is no lookup: %s. It gets "
        "a dense update, which is right, but walks all of the table. %s"
        % (_named(table), _source(terms[0]), _remedy(terms[0])),
        SparsityWarning,
        stacklevel=4,
    )


def _warn_opaque(expressions, name, stacklevel):
    """Warns once that an expression is computed for all rows of a table."""
    warnings.warn(
        "The update of %s needs an expression that can only be computed for all "
        "rows: %s. The update is right, but walks all of the table."
        % (name, _source(expressions[0])),
        SparsityWarning,
        stacklevel=stacklevel,
    )


def _named(table):
    return "table %s" % (table.name or table)


def _source(variable):
    """Describes an expression by its node and by the user's line that made it."""
    if variable.owner is None:
        return str(variable)
    frames = [f for trace in getattr(variable.tag, "trace", []) for f in trace]
    # Theano's gradients are made by a line of Theano's, which helps nobody.
    users = [f for f in frames if not f[0].startswith(_LIBRARIES)]
    if not users:
        return str(variable.owner)
    filename, line, _, code = users[-1]
    return "%s (%s, line %s: %s)" % (variable.owner, filename, line, code)


def _remedy(term):
    """Says what to do about a term that makes a gradient dense."""
    makers = _makers(term)
    if any(isinstance(op, Scan) for op in makers):
        return "Look the rows up before the scan, and pass them as a sequence."
    if any(isinstance(op, (T.Dot, T.blas.BatchedDot)) for op in makers):
        return (
            "A product with the whole table, such as a softmax over all rows, needs "
            "all of it: use a sampled loss, or give the product a table of its own."
        )
    return (
        "A penalty on the whole table may be put on the rows that are looked up "
        "instead: layer.subset."
    )


def _makers(term):
    """Lists the Ops that made the numbers which a gradient's term spreads."""
    makers, stack, seen = [], [term], set()
    while stack:
        variable = stack.pop()
        node = variable.owner
        if node is None or variable in seen:
            continue
        seen.add(variable)
        if isinstance(node.op, (DimShuffle, Subtensor, T.Reshape)):
            stack.append(node.inputs[0])
        elif isinstance(node.op, Elemwise):
            filled = isinstance(node.op.scalar_op, T.scal.Second)
            stack.extend(node.inputs[1:] if filled else node.inputs)
        else:
            makers.append(node.op)
    return makers


# --- Writing rows --------------------------------------------------------------------


def write_rows(updates, leaves):
    """Turns updates as large as a table into updates of its rows

    Parameters
    ----------
    updates : dict from shared variables to expressions
        As a dense rule returns it.
    leaves : dict from Theano variables to :class:`TouchedRows
        <lasagne_sparse.gradients.TouchedRows>`
        Expressions as large as a table of which all but some rows are known:
        the gradient, which is zero there, or an update that keeps them.

    Returns
    -------
    OrderedDict from shared variables to expressions
        ``inc_subtensor`` for a table, ``set_subtensor`` for an accumulator,
        and what depends on no leaf as it was; all in the shared variable's
        dtype.
    """
    known = {leaf: {} for leaf in leaves}
    written = OrderedDict()
    for shared, expression in updates.items():
        found = _leaf_of(expression, leaves)
        if found is not None:
            leaf, axis = found
            known[leaf][leaf, leaves[leaf].axis] = leaves[leaf].values
            expression = _write(shared, expression, axis, leaves[leaf], known[leaf])
        dtype = getattr(shared.type, "dtype", None)
        if dtype is not None and expression.dtype != dtype:
            expression = T.cast(expression, dtype)
        written[shared] = expression
    return written


def _leaf_of(expression, leaves):
    """Finds the one leaf by which an expression varies from row to row

    Returns the leaf, and the axis of the expression that its rows lie along;
    None if there is none.
    """
    pairs = [
        (leaf, axis)
        for axis in range(expression.ndim)
        for leaf, leaf_axis in row_leaves(expression, axis, leaves)
        if leaf_axis == leaves[leaf].axis
    ]
    if len(pairs) == 1:
        return pairs[0]
    if pairs:
        tables = [_named(leaves[leaf].table) for leaf, _ in pairs]
        _warn_opaque([expression], " and ".join(tables), stacklevel=5)
    return None


def _write(shared, expression, axis, update, known):
    """Writes the rows of one update expression

    ``known`` is the memory of :func:`lasagne_sparse.restrict.restrict`, shared
    by all expressions of one table, so that they share its gathers.
    """
    opaque = []
    subset = _subset_of(shared, axis, update, known)
    step = _step(expression, shared) if shared is update.table else None
    if step is None:
        rows = restrict(expression, update.rows, axis, known, opaque)
        result = T.set_subtensor(subset, T.cast(rows, shared.dtype))
    else:
        rows = restrict(step, update.rows, axis, known, opaque)
        result = T.inc_subtensor(subset, T.cast(rows, shared.dtype))
    if opaque:
        _warn_opaque(opaque, _named(shared), stacklevel=5)
    return result


def _subset_of(shared, axis, update, known):
    """Gathers the rows of a table or accumulator, once."""
    key = (shared, axis)
    if key not in known:
        known[key] = take(shared, update.rows, axis)
    return known[key]


def _step(expression, table):
    """Returns ``step`` where an expression is a sum ``table + step``, or None

    Sums and differences may nest: ``momentum * v + (table - rate * g)``.
    """
    node = expression.owner
    if node is None or not isinstance(node.op, Elemwise):
        return None
    op = node.op.scalar_op
    first = node.inputs[0]
    if isinstance(op, T.scal.Sub):
        rest = T.neg(node.inputs[1])
        if first is table:
            return rest
        step = _step(first, table)
        return None if step is None else step - node.inputs[1]
    if not isinstance(op, T.scal.Add):
        return None
    for position, term in enumerate(node.inputs):
        step = [] if term is table else _step(term, table)
        if step is None:
            continue
        others = [i for p, i in enumerate(node.inputs) if p != position]
        return T.add(*(others if term is table else others + [step]))
    return None


# --- Updates of rows that are updated again ------------------------------------


def row_writes(updates, params):
    """Finds the updates that write some rows of their table

    Parameters
    ----------
    updates : dict from shared variables to expressions
    params : list of shared variables
        The tables whose updates to look at.

    Returns
    -------
    dict from Theano variables to :class:`TouchedRows
        <lasagne_sparse.gradients.TouchedRows>`
        For each update ``inc_subtensor(W[rows], step)``, or ``set_subtensor``,
        or its like for columns: what the rows will be.
    """
    leaves = {}
    for table in params:
        update = row_write(updates[table], table)
        if update is not None:
            leaves[updates[table]] = update
    return leaves


def row_write(expression, table=None):
    """Reads an expression that writes distinct rows of a table

    Parameters
    ----------
    expression : Theano variable
    table : shared variable, optional
        If given, the expression must write rows of this one.

    Returns
    -------
    TouchedRows or None
        None if it is anything else.
    """
    variable, axis = expression, 0
    if variable.owner is not None and isinstance(variable.owner.op, DimShuffle):
        axis = variable.owner.op.new_order.index(0)
        variable = variable.owner.inputs[0]
    node = variable.owner
    if node is None or not isinstance(node.op, AdvancedIncSubtensor1):
        return None
    base, value, rows = node.inputs
    written = table_of(base)
    if written is None or (table is not None and written is not table):
        return None
    if rows.owner is None or not isinstance(rows.owner.op, UniqueRows):
        return None
    if rows is not rows.owner.outputs[0]:
        return None
    if not node.op.set_instead_of_inc:
        value = base[rows] + value
    if variable is not expression:
        value = value.dimshuffle(expression.owner.op.new_order)
    return TouchedRows(written, rows, value, axis)


def depends_on(expression, variable):
    """Tells whether a variable is among the ancestors of an expression

    Parameters
    ----------
    expression, variable : Theano variables

    Returns
    -------
    bool
    """
    return variable in ancestors([expression], blockers=[variable])
