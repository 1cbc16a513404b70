"""The Ops behind the symbolic half: distinct rows, segment sums, gathers, bags.

Only :func:`unique_rows` is for graphs that people write. The other Ops come in
by the rewrites of :mod:`lasagne_sparse.rewrites`, and mean nothing that plain
Theano could not say.

.. autosummary::
    :nosignatures:

    unique_rows
    UniqueRows
    SegmentSum
    Gather
    BagSum

Examples
--------
>>> import theano
>>> import theano.tensor as T
>>> from lasagne_sparse.ops import unique_rows
>>> indices = T.lvector('indices')
>>> rows, inverse = unique_rows(indices, 10, table='W')
>>> f = theano.function([indices], [rows, inverse])
>>> rows, inverse = f([7, 2, -3, 7])
>>> print(rows, inverse)
[2 7] [1 0 1 1]
"""

from .indexing.bag_sum import BagSum
from .indexing.gather import Gather
from .indexing.segment_sum import SegmentSum
from .indexing.unique_rows import UniqueRows, unique_rows

__all__ = ["BagSum", "Gather", "SegmentSum", "UniqueRows", "unique_rows"]
