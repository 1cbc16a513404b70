"""Huffman's tree over classes: short ways to those that are frequent"""

import numpy as np
import theano

from ..samplers.unigram import checked_counts

__all__ = ["HuffmanTree"]


class HuffmanTree:
    """
    lasagne_sparse.objectives.HuffmanTree(counts)

    A binary tree with a leaf for each class, over which no other has shorter ways.

    The two nodes of the smallest counts become the children of a new one, again and
    again, until one is left: the root. Bit 0 leads to the smaller child. Among nodes of
    one count a class comes before an inner node, a lower number before a higher one.

    Parameters
    ----------
    counts : array_like, shape ``(num_classes,)``
        How often each class occurs.

    Attributes
    ----------
    num_classes, num_nodes : int
        There is one inner node less than there are classes; the root is the last one.
    steps : shared variable, shape ``(num_classes, depth)``, int32
        The way from the root to each class: ``2 * node + bit`` for each inner node that
        it passes, then -1.

    Raises
    ------
    ValueError
        If there are less than two classes, more than 2**30, or `counts` is not as for
        :class:`~lasagne_sparse.samplers.UnigramSampler`.

    Notes
    -----
    The ways take 4 bytes a class for each step of the longest one.

    References
    ----------
    .. [1] Huffman, D. (1952): A Method for the Construction of Minimum-Redundancy
           Codes. Proceedings of the IRE 40(9).

    Examples
    --------
    >>> tree = HuffmanTree([5, 1, 2])
    >>> print(tree.code(0), tree.code(1), tree.code(2))
    [1] [0 0] [0 1]
    >>> print(tree.path(1))
    [1 0]
    """

    def __init__(self, counts):
        counts = checked_counts(counts)
        if not 2 <= len(counts) <= 2**30:
            raise ValueError(
                "a tree is of 2 classes at least, and 2**30 at most; got %d counts"
                % len(counts)
            )
        self.num_classes, self.num_nodes = len(counts), len(counts) - 1
        steps = _steps(*_parents(counts))
        # On the host, where indices are, whatever the device.
        self.steps = theano.shared(steps, "tree", borrow=True, target="cpu")

    def code(self, k):
        """Returns the bits of a class, from the root

        Parameters
        ----------
        k : int

        Returns
        -------
        NumPy vector, int32
        """
        steps = self.steps.get_value(borrow=True)[k]
        return steps[steps >= 0] % 2

    def path(self, k):
        """Returns the inner nodes on the way to a class, from the root

        Parameters
        ----------
        k : int

        Returns
        -------
        NumPy vector, int32
        """
        steps = self.steps.get_value(borrow=True)[k]
        return steps[steps >= 0] // 2


def _parents(counts):
    """Returns of each node but the root its parent, and its bit

    Inner nodes are made in the order of their counts: so they wait in a queue, and
    the sorted classes in another, and the smaller head is taken.
    """
    num = len(counts)
    order = np.argsort(counts, kind="stable")
    waiting = counts[order].tolist() + [np.inf]
    order, made = order.tolist(), []
    parent, bit = [0] * (2 * num - 2), [0] * (2 * num - 2)
    leaf = inner = 0
    for new in range(num - 1):
        total = 0.0
        for which in (0, 1):
            if inner >= len(made) or waiting[leaf] <= made[inner]:
                node, count = order[leaf], waiting[leaf]
                leaf += 1
            else:
                node, count = num + inner, made[inner]
                inner += 1
            parent[node], bit[node] = new, which
            total += count
        made.append(total)
    return np.array(parent), np.array(bit)


def _steps(parent, bit):
    """Returns the ways from the root; see :class:`HuffmanTree`."""
    num = len(parent) // 2 + 1
    root = num - 2
    node, upward = np.arange(num), []
    alive = np.ones(num, bool)
    while alive.any():
        step = np.full(num, -1, np.int32)
        step[alive] = 2 * parent[node[alive]] + bit[node[alive]]
        upward.append(step)
        over = parent[node]
        alive = alive & (over != root)
        node = np.where(alive, num + over, node)
    # Those that end early are turned round too: -1 comes last.
    upward = np.stack(upward, axis=1)
    length = np.count_nonzero(upward >= 0, axis=1)
    place = length[:, None] - 1 - np.arange(upward.shape[1])
    steps = np.take_along_axis(upward, np.maximum(place, 0), axis=1)
    return np.where(place >= 0, steps, np.int32(-1))
