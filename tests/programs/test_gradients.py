"""Do programs that compute and edit gradients themselves keep their results?

Each test is a small program of a kind that people write, held to Lasagne's own rules
where every row is looked up, and to exact bits for rows that are not.
"""

import lasagne
import lasagne_sparse
import numpy as np
import pytest
import theano
import theano.tensor as T
from lasagne.layers import (
    get_all_params,
    get_output,
)
from toy import (
    NUM_UNITS,
    RULES,
    SOME_ROWS,
    check,
    close,
    function,
)
from pieces import dense, embedded, squares, weights


def with_gradients(edit, rule="adam", **kwargs):
    """A program that computes gradients itself, edits them, and gives a list"""

    def program(updates, x):
        network = dense(embedded(x))
        loss = squares(network)
        params = get_all_params(network)
        gradients = edit(theano.grad(loss, params), updates)
        return loss, getattr(updates, rule)(gradients, params, **RULES[rule])

    return program


def finite(g):
    return T.switch(T.or_(T.isnan(g), T.isinf(g)), 0, g)


EDITS = {
    "nothing": lambda gs, updates: gs,
    "clip": lambda gs, updates: [T.clip(g, -0.1, 0.1) for g in gs],
    "clip by a symbolic bound": lambda gs, updates: [
        T.clip(g, -c, c) for c in [theano.shared(abs(weights(1)[0]))] for g in gs
    ],
    "grad_clip": lambda gs, updates: [
        theano.gradient.grad_clip(g, -0.1, 0.1) for g in gs
    ],
    "scale": lambda gs, updates: [0.5 * g for g in gs],
    "divide by a shared number": lambda gs, updates: [
        g / theano.shared(weights(1)[0]) for g in gs
    ],
    "negate twice": lambda gs, updates: [-(-g) for g in gs],
    "NaN to zero": lambda gs, updates: [T.switch(T.isnan(g), 0, g) for g in gs],
    "NaN to zeros_like": lambda gs, updates: [
        T.switch(T.isnan(g), T.zeros_like(g), g) for g in gs
    ],
    "not finite to zero": lambda gs, updates: [finite(g) for g in gs],
    "NaN guard by the total norm": lambda gs, updates: [
        T.switch(T.isnan(sum(T.sum(h**2) for h in gs)), 0, g) for g in gs
    ],
    "cast": lambda gs, updates: [T.cast(g, theano.config.floatX) for g in gs],
    "sign": lambda gs, updates: [T.sgn(g) for g in gs],
    "total norm, ours": lambda gs, updates: (
        lasagne_sparse.updates.total_norm_constraint(gs, 0.5)
    ),
    "total norm, Lasagne's": lambda gs, updates: lasagne.updates.total_norm_constraint(
        gs, 0.5
    ),
    "total norm by hand": lambda gs, updates: [
        g * T.minimum(1, 0.5 / T.sqrt(sum((h**2).sum() for h in gs))) for g in gs
    ],
    "norm of each, L2": lambda gs, updates: [
        T.switch(T.ge(g.norm(2), 0.5), g * 0.5 / g.norm(2), g) for g in gs
    ],
    "norm_constraint over all, ours": lambda gs, updates: [
        lasagne_sparse.updates.norm_constraint(g, 0.5, range(g.ndim)) for g in gs
    ],
    "norm_constraint over all, Lasagne's": lambda gs, updates: [
        lasagne.updates.norm_constraint(g, 0.5, range(g.ndim)) for g in gs
    ],
    "norm_constraint of units": lambda gs, updates: [
        updates.norm_constraint(g, 0.5) if g.ndim > 1 else g for g in gs
    ],
    "norm_constraint of rows": lambda gs, updates: [
        updates.norm_constraint(g, 0.5, norm_axes=(1,)) if g.ndim > 1 else g for g in gs
    ],
    "clip, then total norm, then scale": lambda gs, updates: [
        2 * g
        for g in updates.total_norm_constraint([T.clip(g, -1, 1) for g in gs], 0.5)
    ],
    "one unit kept still": lambda gs, updates: [
        g * np.arange(NUM_UNITS).astype(theano.config.floatX) if i == 0 else g
        for i, g in enumerate(gs)
    ],
}


@pytest.mark.parametrize("edit", sorted(EDITS))
def test_list_of_gradients(edit):
    check(with_gradients(EDITS[edit]))


def test_gradients_from_several_losses():
    def program(updates, x):
        network = dense(embedded(x))
        params = get_all_params(network)
        output = get_output(network)
        losses = [T.sum((output[:, i] - i) ** 2) for i in range(2)]
        gradients = [
            sum(gs) for gs in zip(*[theano.grad(loss, params) for loss in losses])
        ]
        return sum(losses), updates.adam(gradients, params, learning_rate=0.1)

    check(program)


def test_gradients_with_a_loss_that_is_clipped_on_the_way():
    def program(updates, x):
        output = theano.gradient.grad_clip(get_output(embedded(x)), -0.1, 0.1)
        loss = T.sum((output - 0.5) ** 2)
        (W,) = [v for v in theano.gof.graph.inputs([loss]) if v.name == "W"]
        return loss, updates.adam(loss, [W], learning_rate=0.1)

    check(program)


def test_returned_norm_is_that_of_the_whole_gradient():
    x = T.imatrix()
    network = dense(embedded(x))
    gradients = theano.grad(squares(network), get_all_params(network))
    norms = [
        module.total_norm_constraint(gradients, 0.5, return_norm=True)[1]
        for module in (lasagne_sparse.updates, lasagne.updates)
    ]
    close(*function([x], norms)(SOME_ROWS))
