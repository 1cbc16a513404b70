"""Rules of update: the library's, and random ones made of an expression tree

A random rule is a list of states, each of a kind, and an expression for each of them
and for the step. Expressions are nested lists such as ``["+", ["g"], ["s", 0]]``.
"""

from collections import OrderedDict

import lasagne
import lasagne_sparse.updates
import numpy as np
import theano
import theano.tensor as T

__all__ = [
    "NAMED",
    "STATE_KINDS",
    "OPERATIONS",
    "make_rule",
    "takes_gradient",
    "text_of",
]

# Hyperparameters that do not divide by what rounding alone has made.
NAMED = {
    "sgd": {},
    "momentum": {"momentum": 0.5},
    "nesterov_momentum": {"momentum": 0.5},
    "adagrad": {"epsilon": 0.01},
    "rmsprop": {"rho": 0.8, "epsilon": 0.01},
    "adadelta": {"rho": 0.8, "epsilon": 0.01},
    "adam": {"beta1": 0.7, "beta2": 0.8, "epsilon": 0.01},
    "adamax": {"beta1": 0.7, "beta2": 0.8, "epsilon": 0.01},
    "amsgrad": {"beta1": 0.7, "beta2": 0.8, "epsilon": 0.01},
    "rowwise_adagrad": {"epsilon": 0.01},
}

STATE_KINDS = ["table", "row", "kept", "scalar"]


def _axes(x):
    return tuple(range(1, x.ndim))


def _over_rows(reduce):
    def over(x):
        return reduce(x, axis=_axes(x), keepdims=True) if x.ndim > 1 else x

    return over


OPERATIONS = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / (1 + abs(b)),
    "max": T.maximum,
    "sqrt": lambda a: T.sqrt(abs(a) + 0.01),
    "tanh": T.tanh,
    "abs": abs,
    "clip": lambda a: T.clip(a, -0.5, 0.5),
    "square": T.sqr,
    "row mean": _over_rows(T.mean),
    "row sum": _over_rows(T.sum),
    "row max": _over_rows(T.max),
    "if positive": lambda a, b: T.switch(T.gt(a, 0), a, b),
}


def text_of(expression):
    """Returns a random rule's expression as one would read it"""
    head, *rest = expression
    if head in OPERATIONS:
        return "%s(%s)" % (head, ", ".join(text_of(e) for e in rest))
    return "".join(str(part) for part in expression)


def takes_gradient(expression):
    """Tells whether a random rule's expression is made of the gradient itself."""
    head, *rest = expression
    return head == "g" or (head in OPERATIONS and any(map(takes_gradient, rest)))


def make_rule(rule, sparse):
    """Returns ``apply(loss_or_grads, params)`` of a described rule

    With ``sparse`` it is the library's, otherwise the dense rule that it is made of.
    """
    if rule["name"] == "random":
        dense = _random_rule(rule)
        return lasagne_sparse.updates.sparse(dense) if sparse else dense
    function = getattr(lasagne_sparse.updates, rule["name"])
    stock = getattr(lasagne.updates, rule["name"], None) or function.dense
    chosen = function if sparse else stock

    def apply(loss_or_grads, params):
        kwargs = dict(rule["kwargs"])
        if rule.get("symbolic"):
            rate = np.asarray(kwargs["learning_rate"], theano.config.floatX)
            kwargs["learning_rate"] = theano.shared(rate, "rate")
        return chosen(loss_or_grads, params, **kwargs)

    return apply


def _random_rule(rule):
    def random_rule(loss_or_grads, params):
        updates = OrderedDict()
        gradients = lasagne.updates.get_or_compute_grads(loss_or_grads, params)
        clock = theano.shared(lasagne.utils.floatX(0))
        for param, gradient in zip(params, gradients):
            states = [_state(kind, param) for kind in rule["states"]]
            news = []
            for kind, line in zip(rule["states"], rule["lines"]):
                value = _value(line, param, gradient, states, news, clock)
                news.append(_reduced(kind, value, param))
            step = _value(rule["step"], param, gradient, states, news, clock)
            for state, new in zip(states, news):
                updates[state] = T.cast(new, state.dtype)
            updates[param] = T.cast(_moved(rule, param, step), param.dtype)
        updates[clock] = clock + 1
        return updates

    return random_rule


def _moved(rule, param, step):
    rate = np.asarray(0.1, param.dtype)
    return step if rule.get("sets") else param - rate * step


def _state(kind, param):
    """Makes a state: as large as the table, a number per row, or one number."""
    value = param.get_value(borrow=True)
    shape, fixed = value.shape, param.broadcastable
    if kind == "row":
        shape, fixed = shape[:1], fixed[:1]
    elif kind == "kept":
        shape = shape[:1] + (1,) * (value.ndim - 1)
        fixed = fixed[:1] + (True,) * (value.ndim - 1)
    elif kind == "scalar":
        shape, fixed = (), ()
    values = np.full(shape, 0.25, value.dtype)
    return theano.shared(values, kind, broadcastable=fixed)


def _reduced(kind, value, param):
    """Brings an expression to the shape of a state of some kind."""
    if kind == "scalar":
        return T.sum(value)
    axes = tuple(range(1, param.ndim))
    if kind == "row":
        return T.mean(value, axis=axes) if axes else value
    if kind == "kept":
        return T.mean(value, axis=axes, keepdims=True) if axes else value
    return value


def _value(expression, param, gradient, states, news, clock):
    head, *rest = expression
    if head == "g":
        return gradient
    if head == "p":
        return param
    if head == "t":
        # As large as the table, so that each state has its shape.
        return T.ones_like(param) * T.cast(T.exp(-clock), param.dtype)
    if head in ("s", "n"):  # an old state; a new one, where there is one already
        known = news if head == "n" and rest[0] < len(news) else states
        state = known[rest[0]] if rest[0] < len(states) else param
        missing = param.ndim - state.ndim
        spread = T.shape_padright(state, missing) if missing else state
        return (
            spread + T.zeros_like(param)
            if state.ndim == 0
            else _as_large(spread, param)
        )
    if head == "const":
        return np.asarray(rest[0], param.dtype) * T.ones_like(param)
    parts = [_value(e, param, gradient, states, news, clock) for e in rest]
    return _as_large(OPERATIONS[head](*parts), param)


def _as_large(value, param):
    """Broadcasts a value to the table's shape, where its type may be smaller."""
    if value.broadcastable == param.broadcastable:
        return value
    return value + T.zeros_like(param)
