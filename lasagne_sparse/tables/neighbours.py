"""The nearest rows of a table, exactly, in a pass over it"""

import numpy as np

from .progress import bar
from .store.arrays import ArrayRows

__all__ = ["nearest"]

_METRICS = ("cosine", "dot", "euclidean")
#: Bytes of scores that are there at a time.
_SCORES = 1 << 26


def nearest(table, queries, k=10, metric="cosine", block=None, progress=None):
    """Finds the rows of a table that are nearest to given vectors

    Every row is compared with every query, some rows at a time: no more memory is taken
    than a block of rows and of scores.

    * ``cosine``: ``<q, w> / (|q| |w|)``; 0 where one of them is zero
    * ``dot``: ``<q, w>``
    * ``euclidean``: ``-|q - w|``

    Parameters
    ----------
    table : numpy.ndarray or shared variable, shape ``(num_rows, num_units)``, float
        One on a device travels block by block.
    queries : array_like, shape ``(num_queries, num_units)`` or ``(num_units,)``
    k : int
        How many rows to find for each; all, if there are fewer.
    metric : str
        'cosine', 'dot' or 'euclidean'.
    block : int, optional
        How many rows are compared at a time; as many as give 64 MB of scores, and
        65,536 at most, if left out.
    progress : bool, optional
        Whether to show a bar. If left out: for a large table, where standard error is
        a terminal and tqdm is installed.

    Returns
    -------
    rows : numpy.ndarray, shape ``(num_queries, k)``, int64
        The best first; of equal ones the lower number first. One axis less if there
        was one query.
    scores : numpy.ndarray of the same shape, float32 or float64
        By the metric, as the table's dtype has it: higher is nearer.

    Raises
    ------
    ValueError
        If a shape, `k`, `block` or the metric is none that there is, or a query is not
        finite.

    Examples
    --------
    >>> import numpy as np
    >>> from lasagne_sparse.tables import nearest
    >>> table = np.array([[1., 0.], [0., 1.], [1., 1.]])
    >>> rows, scores = nearest(table, table[0], k=2)
    >>> print(rows, scores.round(3))
    [0 2] [1.    0.707]
    """
    if metric not in _METRICS:
        raise ValueError("metric must be one of %s, got %r" % (_METRICS, metric))
    if hasattr(table, "get_value"):
        table = table.get_value(borrow=True, return_internal_type=True)
    table = ArrayRows(table)
    if len(table.shape) != 2 or table.dtype.kind != "f":
        raise ValueError(
            "table must be a matrix of floats, got %s of shape %s"
            % (table.dtype, table.shape)
        )
    dtype = np.promote_types(table.dtype.newbyteorder("="), "float32")
    asked = np.asarray(queries, dtype)
    single = asked.ndim == 1
    asked = np.atleast_2d(asked)
    if asked.ndim != 2 or asked.shape[1] != table.shape[1]:
        raise ValueError(
            "queries must have %d numbers each, got shape %s"
            % (table.shape[1], np.shape(queries))
        )
    if not np.isfinite(asked).all():
        raise ValueError("queries must be finite")
    for name, value in (("k", k), ("block", block)):
        if value is not None and value < 1:
            raise ValueError("%s must be 1 or more, got %r" % (name, value))
    if block is None:
        block = max(1, min(65536, _SCORES // (dtype.itemsize * max(1, len(asked)))))
    best = _Best(len(asked), min(k, table.shape[0]), dtype)
    with bar(table.shape[0], "comparing", progress, unit=" rows") as advance:
        for start in range(0, table.shape[0], block):
            rows = table.rows(start, min(start + block, table.shape[0]))
            best.add(start, _scores(rows.astype(dtype, copy=False), asked, metric))
            advance(len(rows))
    return (best.rows[0], best.scores[0]) if single else (best.rows, best.scores)


def _scores(rows, queries, metric):
    if metric == "euclidean":
        # Not by |q|^2 - 2<q, w> + |w|^2, in which near rows cancel out.
        differences = np.empty((len(queries), len(rows)), rows.dtype)
        for query, row in zip(queries, differences):
            np.sqrt(((rows - query) ** 2).sum(axis=1), out=row)
        return -differences
    products = queries.dot(rows.T)
    if metric == "cosine":
        with np.errstate(divide="ignore", invalid="ignore"):
            products /= np.sqrt((queries**2).sum(axis=1))[:, None]
            products /= np.sqrt((rows**2).sum(axis=1))
        products[~np.isfinite(products)] = 0
    return products


class _Best:
    """The best rows so far, of each query."""

    def __init__(self, num_queries, k, dtype):
        self._k = k
        self.rows = np.zeros((num_queries, 0), "int64")
        self.scores = np.zeros((num_queries, 0), dtype)

    def add(self, start, scores):
        length = min(self._k, self.scores.shape[1] + scores.shape[1])
        rows = np.empty((len(scores), length), "int64")
        kept = np.empty((len(scores), length), scores.dtype)
        for query, new in enumerate(scores):
            at = np.arange(len(new))
            if len(new) > self._k:
                # All that are as good as the last one: ties go by the number.
                edge = np.partition(new, len(new) - self._k)[len(new) - self._k]
                at = np.flatnonzero(new >= edge)
            both = np.concatenate([self.scores[query], new[at]])
            numbers = np.concatenate([self.rows[query], at + start])
            order = np.lexsort((numbers, -both))[:length]
            rows[query], kept[query] = numbers[order], both[order]
        self.rows, self.scores = rows, kept
