"""How the rows of a bag become one: sum, mean, sqrtn, max"""

from collections import namedtuple

import numpy as np
import theano.tensor as T
from theano.gradient import disconnected_grad

__all__ = ["COMBINERS", "Bags"]


class Bags(namedtuple("Bags", "parts bag_of num_bags weights like")):
    """
    lasagne_sparse.layers.combiners.Bags(parts, bag_of, num_bags, weights, like)

    Rows that were looked up, in bags, with the ways to make each bag one row.

    Parameters
    ----------
    parts : list of Part
        The rows that were looked up, and at which indices.
    bag_of : Theano vector, shape ``(num_indices,)``, int64, ascending
        The bag of each index.
    num_bags : symbolic scalar
    weights : Theano vector, shape ``(num_indices,)``, or None
        How much each index counts.
    like : Theano matrix
        Of the dtype and the number of units of the rows.
    """

    __slots__ = ()

    def sum(self):
        """Returns ``sum(s_i * W[x_i])``"""
        zeros = T.zeros((self.num_bags, self.like.shape[1]), self.like.dtype)
        return sum(
            T.inc_subtensor(
                zeros[_at(self.bag_of, positions)],
                values
                if self.weights is None
                else _at(self.weights, positions).dimshuffle(0, "x") * values,
            )
            for values, positions in self.parts
        )

    def mean(self):
        """Returns ``sum(s_i * W[x_i]) / sum(s_i)``"""
        return self._divided(self._sum_of_weights(lambda weights: weights))

    def sqrtn(self):
        """Returns ``sum(s_i * W[x_i]) / sqrt(sum(s_i ** 2))``"""
        return self._divided(self._sum_of_weights(T.sqr), T.sqrt)

    def max(self):
        """Returns the elementwise maximum, with its gradient to the first of equals"""
        values, bags = self._in_order()
        winners = _winners(disconnected_grad(values), bags, self.num_bags)
        lookups = T.arange(values.shape[0]).dimshuffle(0, "x")
        zeros = T.zeros((self.num_bags, self.like.shape[1]), self.like.dtype)
        # all others are left out, so that no infinity comes near to a gradient
        won = T.switch(T.eq(winners[bags], lookups), values, T.zeros_like(values))
        return T.inc_subtensor(zeros[bags], won)

    def _sum_of_weights(self, of):
        """Returns what the weights of the lookups in each bag add up to."""
        zeros = T.zeros((self.num_bags,), self.like.dtype)
        total = zeros
        for _, positions in self.parts:
            bags = _at(self.bag_of, positions)
            each = T.ones_like(bags, self.like.dtype)
            if self.weights is not None:
                each = of(_at(self.weights, positions))
            total = total + T.inc_subtensor(zeros[bags], each)
        return total

    def _divided(self, total, root=lambda x: x):
        """Returns the sum by a root of the total, zeros where that is zero."""
        is_none = T.eq(total, 0)
        # inside, since the gradients of what is not chosen must be finite
        divisor = root(T.switch(is_none, T.ones_like(total), total))
        scale = T.switch(is_none, T.zeros_like(total), 1 / divisor)
        return self.sum() * scale.dimshuffle(0, "x")

    def _in_order(self):
        """Returns all rows and their bags, in the order of the indices."""
        if len(self.parts) == 1:
            values, positions = self.parts[0]
            return values, _at(self.bag_of, positions)
        positions = T.join(0, *[part.positions for part in self.parts])
        order = T.argsort(positions)
        values = T.join(0, *[part.values for part in self.parts])[order]
        return values, self.bag_of[positions[order]]


#: The ways to combine, by name.
COMBINERS = {name: getattr(Bags, name) for name in ("sum", "mean", "sqrtn", "max")}


def _at(vector, positions):
    """Returns the elements at positions, all for None."""
    return vector if positions is None else vector[positions]


def _winners(values, bags, num_bags):
    """Returns which lookup has the largest element of its bag, the first of equals

    Parameters
    ----------
    values : Theano matrix, shape ``(num_lookups, num_units)``
    bags : Theano vector, shape ``(num_lookups,)``, int64, ascending
    num_bags : symbolic scalar

    Returns
    -------
    Theano matrix, shape ``(num_bags, num_units)``, int64
        ``num_lookups`` for an empty bag.
    """
    num_lookups, num_units = values.shape[0], values.shape[1]
    lookups, all_bags = T.arange(num_lookups), T.arange(num_bags)
    places = lookups - T.extra_ops.searchsorted(bags, all_bags)[bags]
    # one place more: of nothing at all there is no maximum
    longest = T.max(T.join(0, T.zeros((1,), "int64"), places)) + 1
    grid = T.alloc(num_lookups, num_bags * longest)
    grid = T.set_subtensor(grid[bags * longest + places], lookups)
    least = T.alloc(T.constant(-np.inf, dtype=values.dtype), 1, num_units)
    found = T.join(0, values, least)[grid].reshape((num_bags, longest, num_units))
    best = T.argmax(found, axis=1)
    return grid[all_bags.dimshuffle(0, "x") * longest + best]
