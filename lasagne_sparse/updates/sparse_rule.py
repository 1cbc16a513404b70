"""Declares a named rule: what it is called, what it takes, what it keeps"""

import functools

from ..state.slots import declare_slots
from .transform import sparse

__all__ = ["sparse_rule"]


def sparse_rule(dense, slots=(), scalars=()):
    """Makes a dense rule sparse under a signature and a docstring of our own

    Parameters
    ----------
    dense : callable
        The dense rule, see :func:`lasagne_sparse.updates.sparse`.
    slots : sequence of str
        What the rule calls the accumulators that it makes for a table, in the order
        in which it makes them.
    scalars : sequence of str
        What it calls the variables that it makes once.

    Returns
    -------
    callable
        A decorator of a function without a body, which says how the rule is called
        and what it does. What does it is ``sparse(dense)``, so that no rule is
        written twice; the arguments, and defaults for those that are left out, are
        handed to `dense` as they are.
    """

    def declare(declaration):
        declare_slots(dense, declaration.__name__, slots, scalars)
        rule = functools.wraps(declaration)(sparse(dense))
        rule.dense = dense
        return rule

    return declare
