"""Which rows of a table does an expression touch, and what is it there?

The one theory of rows that rules, layers and rewrites share:

.. autosummary::
    :nosignatures:

    scatters
    rowwise
    background
    restrict
    coalesce
    gradients
    dense_terms
    scans
    row_writes
"""

from .background import Background
from .coalesce import coalesce
from .dense_terms import dense_terms, looked_up_tables
from .gradients import TouchedRows, row_gradient
from .row_writes import row_write, row_writes
from .rowwise import row_inputs, row_value
from .scans import out_of_scans

__all__ = [
    "Background",
    "TouchedRows",
    "coalesce",
    "dense_terms",
    "looked_up_tables",
    "out_of_scans",
    "row_gradient",
    "row_inputs",
    "row_value",
    "row_write",
    "row_writes",
]
