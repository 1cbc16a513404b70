"""Answers questions about a Theano graph without changing it

All other rooms ask here: is this expression all zeros, which table is behind this
view, what lies upstream of this variable, which line of a program made it?

.. autosummary::
    :nosignatures:

    constants
    distinct
    views
    walk
    variables
    source_lines
"""

from .constants import constant_value, is_zeros, value_at
from .distinct import are_distinct, are_not_negative
from .source_lines import is_made_by_grad, source_line
from .variables import called, listed, shape_now
from .views import is_full_slice, is_transfer, table_of, without_transfers
from .walk import evaluate, walk

__all__ = [
    "are_distinct",
    "are_not_negative",
    "called",
    "constant_value",
    "evaluate",
    "is_full_slice",
    "is_made_by_grad",
    "is_transfer",
    "is_zeros",
    "listed",
    "shape_now",
    "source_line",
    "table_of",
    "value_at",
    "walk",
    "without_transfers",
]
