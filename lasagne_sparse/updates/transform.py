"""The transform that makes any update rule sparse

A dense rule is called once, with each table's gradient as a scatter of its
coalesced rows. Each update expression that it returns is then restricted to
those rows, and written back there. So no rule is written twice, and rules that
nobody has written yet work too.
"""

import functools
import reprlib
from collections import OrderedDict

import numpy as np
import theano
import theano.tensor as T

from ..state.placement import call_beside
from ..state.slots import record_states
from ..sparsity import (
    Background,
    dense_terms,
    looked_up_tables,
    out_of_scans,
    row_gradient,
)
from ..graph import listed, table_of
from .sparsity_warning import named, warn_dense, warn_opaque
from .writes import write_rows

__all__ = ["get_or_compute_grads", "sparse"]


def get_or_compute_grads(loss_or_grads, params):
    """Returns the gradients of a loss, or the gradients given

    Parameters
    ----------
    loss_or_grads : symbolic scalar, or list of expressions
        A loss, or one gradient for each of `params`.
    params : list of shared variables or subsets of them
        A subset is what a lookup returns: :attr:`EmbeddingLayer.subset
        <lasagne_sparse.layers.lookup.LookupLayer.subset>`, ``W[x]``, ``W[:, x]``.

    Returns
    -------
    list of expressions
        One gradient for each of `params`, of its shape.

    Raises
    ------
    TypeError
        If `params` is a variable alone, and no list.
    ValueError
        If `loss_or_grads` is a list of another length than `params`, or if
        `params` contains anything but shared variables and their subsets.

    Examples
    --------
    >>> import numpy as np, theano
    >>> W = theano.shared(np.ones((3, 2)))
    >>> gradient, = get_or_compute_grads((W[[2, 2]] ** 2).sum(), [W])
    >>> print(np.asarray(gradient.eval()).tolist())
    [[0.0, 0.0], [0.0, 0.0], [4.0, 4.0]]
    """
    params = listed(params, "params")
    for param in params:
        if table_of(param) is None:
            raise ValueError(
                "params must contain shared variables and subsets of them (such as "
                "layer.subset) only, got %s. If it contains arbitrary "
                "parameter expressions, then lasagne.utils.collect_shared_vars() "
                "may help you." % _described(param)
            )
    if isinstance(loss_or_grads, list):
        if len(loss_or_grads) != len(params):
            raise ValueError(
                "Got %d gradient expressions for %d parameters"
                % (len(loss_or_grads), len(params))
            )
        return loss_or_grads
    return theano.grad(loss_or_grads, params)


def _described(param):
    """Describes what was given for a parameter; of an array not the numbers."""
    if isinstance(param, np.ndarray):
        return "an array of dtype %s and shape %s" % (param.dtype, param.shape)
    return "%s of type %s" % (param, getattr(param, "type", type(param)))


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
        that returns a dictionary of updates, or a list of pairs. It is called with
        a *list of gradients*, never with the loss: so it must ask
        ``lasagne.updates.get_or_compute_grads(loss_or_grads, params)`` for them, as
        Lasagne's own rules do, and cannot call ``theano.grad`` itself. Its
        accumulators may have the shape of the table or one number per row.

    Returns
    -------
    callable
        The rule with the same signature, also for subsets among `params`. It
        returns an :class:`OrderedDict` from shared variables to expressions in
        the order of `update_fn`.

    Raises
    ------
    TypeError
        If `update_fn` cannot be called. By the returned rule, if `params` is a
        variable alone, and no list, or if `update_fn` returns neither a dictionary
        nor a list of pairs.
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
    If every row is looked up, the update is the dense rule's, to rounding.

    A parameter whose gradient is not row-sparse goes to the dense rule in the
    same call. Parameters of different devices (``target='dev1'``) go to
    it in one call for each device, so that their accumulators are made there.

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
    if not callable(update_fn):
        raise TypeError(
            "update_fn must be a rule itself, such as lasagne.updates.adam, neither "
            "its name nor the updates that it returns; got %s" % reprlib.repr(update_fn)
        )

    @functools.wraps(update_fn)
    def sparse_update(loss_or_grads, params, *args, **kwargs):
        params = listed(params, "params")
        gradients = out_of_scans(get_or_compute_grads(loss_or_grads, params))
        gradients, leaves = _read_gradients(gradients, params)

        def update(tables):
            return update_fn([gradients[t] for t in tables], tables, *args, **kwargs)

        updates = OrderedDict()
        for part in call_beside(gradients, update):
            updates.update(_as_updates(part, update_fn))
        written = write_rows(updates, leaves, list(gradients))
        record_states(update_fn, updates, list(gradients.items()), written)
        return written

    sparse_update.dense = update_fn
    return sparse_update


def _as_updates(returned, update_fn):
    """Makes a dict of what a rule returned, which Theano lets be a list of pairs."""
    try:
        return OrderedDict(returned)
    except (TypeError, ValueError) as error:
        raise TypeError(
            "the rule %s must return a dictionary from shared variables to their new "
            "expressions, or a list of such pairs; it returned %s"
            % (getattr(update_fn, "__name__", update_fn), reprlib.repr(returned))
        ) from error


def _read_gradients(gradients, params):
    """Sorts gradients into row-sparse and dense ones

    Returns an OrderedDict from tables to gradients as large as the table, and
    a dict from those of them that are row-sparse to their ``TouchedRows``.
    """
    whole, listed_rows = OrderedDict(), set()
    for param, gradient in zip(params, gradients):
        table = table_of(param)
        if table is not param:
            gradient = _gradient_of_table(gradient, param, table)
            listed_rows.add(table)
        if table in whole and (table is param or table in params):
            raise ValueError(
                "params contains %s twice, or both whole and as a subset of it: "
                "list it once" % named(table)
            )
        whole[table] = whole[table] + gradient if table in whole else gradient
    return _split(whole, listed_rows)


def _split(gradients, listed_rows):
    """Reads the rows that gradients touch, and puts their sums in place of them."""
    background, leaves, dense = Background(), {}, []
    for table, gradient in gradients.items():
        opaque = []
        listed = table in listed_rows
        found = row_gradient(gradient, table, opaque, background, listed)
        if found is None:
            dense.append(table)
            continue
        if opaque:
            warn_opaque(opaque, [table])
        gradients[table] = found.scatter()
        leaves[gradients[table]] = found
    looked_up = looked_up_tables([gradients[table] for table in dense])
    for table in dense:
        terms = dense_terms(gradients[table], table, background, looked_up)
        if terms:
            warn_dense(terms, table)
    return gradients, leaves


def _gradient_of_table(gradient, subset, table):
    """Returns the gradient of a table by which only a subset of it is changed.

    That of what the subset is made of: indices may depend on the table too.
    """
    return T.Lop(subset, table, gradient)
