"""Walker's alias table: one column a class, so that a draw takes one look"""

import numpy as np

__all__ = ["alias_table"]


def alias_table(weights):
    """Makes the table by which classes are drawn as their weights say

    A column is as wide as every other. The part ``own`` of it belongs to its class, the
    rest to ``other``, a class that is too heavy for its own column.

    Parameters
    ----------
    weights : NumPy vector, shape ``(num_classes,)``, float64
        Neither negative nor NaN nor infinite, and not all zero; see
        :class:`~lasagne_sparse.samplers.UnigramSampler`.

    Returns
    -------
    NumPy matrix, shape ``(num_classes, 2)``, float64
        ``own`` and ``other`` of each column. A class of weight 0 has ``own == 0``, and
        is no other's ``other``: it is never drawn.

    Notes
    -----
    Vose's method goes through the columns one by one. Here the light classes lie end to
    end by what they lack, the heavy ones by what they have too much, and two
    prefix sums tell who fills whom [2]_. They are made in long double where the
    machine has one: a sum of 10**7 terms in float64 is off by some 1e-9 of a column.

    References
    ----------
    .. [1] Walker, A. (1977): An Efficient Method for Generating Discrete Random
           Variables with General Distributions. ACM TOMS 3(3).
    .. [2] Hübschle-Schneider, L., & Sanders, P. (2022): Parallel Weighted Random
           Sampling. ACM TOMS 48(3), section 4.

    Examples
    --------
    >>> print(alias_table(np.array([3., 0., 1.])))
    [[1.   0.  ]
     [0.   0.  ]
     [0.75 0.  ]]
    """
    share = weights / np.max(weights)
    share *= len(share) / np.sum(share, dtype=np.longdouble).astype(np.float64)
    table = np.empty((len(share), 2))
    table[:, 0], table[:, 1] = np.minimum(share, 1), np.arange(len(share))
    (light,), (heavy,) = np.nonzero(share < 1), np.nonzero(share > 1)
    if len(heavy) == 0:  # all the same, to rounding
        return table
    lacks = 1 - share[light]
    filled = np.cumsum(lacks, dtype=np.longdouble)
    spare = np.cumsum(share[heavy] - 1, dtype=np.longdouble)
    # The heavy class that has something left when it is the light one's turn.
    place = np.searchsorted(spare, filled - lacks, side="right")
    table[light, 1] = heavy[np.minimum(place, len(heavy) - 1)]
    # The light class that takes the last of a heavy one takes more than there was: so
    # much of the heavy one's own column is the next heavy one's.
    last = np.searchsorted(filled, spare, side="left")
    known = last[:-1] < len(light)
    over = np.where(
        known, filled[np.minimum(last[:-1], len(light) - 1)] - spare[:-1], 0
    )
    table[heavy[:-1], 0] = np.clip(1 - over, 0, 1)
    table[heavy[:-1], 1] = heavy[1:]
    return table
