"""Losses: what a program makes of its lookups"""

import theano.tensor as T

__all__ = ["FUNCTIONS", "term_value"]

FUNCTIONS = {
    "sum": lambda x: x,
    "square": lambda x: (x - 0.5) ** 2,
    "tanh": T.tanh,
    "sigmoid": T.nnet.sigmoid,
    "abs": lambda x: abs(x - 0.1),
    "cube": lambda x: x**3,
    "exp": lambda x: T.exp(0.3 * x),
    "relu": lambda x: T.nnet.relu(x + 0.1),
    "softplus": T.nnet.softplus,
    "gated": lambda x: T.tanh(x) * T.nnet.sigmoid(2 * x),
    "row norm": lambda x: T.sqrt(T.sum(x**2, axis=-1) + 0.1) if x.ndim else x**2,
    "softmax": lambda x: T.nnet.softmax(x)[:, :1] if x.ndim == 2 else T.tanh(x),
}


def term_value(term, looked_up, dense):
    """Returns a term of a loss, a scalar

    Parameters
    ----------
    term : dict
        ``function`` is applied to each lookup; ``combine`` says how several become
        one: "aligned" multiplies them lookup by lookup (as ``U[i] * V[i]``), "product"
        their sums; ``dense`` names a parameter that multiplies the first.
    looked_up : list of Theano variables
    dense : Theano variable or None
        A vector as long as the last axis of the first lookup, or a matrix with as
        many rows.
    """
    values = [FUNCTIONS[term["function"]](x) for x in _weighed(looked_up, dense)]
    if term["combine"] == "aligned" and all(v.ndim for v in values):
        each = [
            v.sum(axis=tuple(range(1, v.ndim))) if v.ndim > 1 else v for v in values
        ]
        result = T.sum(T.mul(*each))
    elif term["combine"] == "mean":
        result = T.mul(*[T.mean(v) for v in values])
    else:
        result = T.mul(*[T.sum(v) for v in values])
    return T.cast(term["weight"], result.dtype) * result


def _weighed(looked_up, dense):
    if dense is None:
        return looked_up
    first, *others = looked_up
    weighed = T.dot(first, dense) if dense.ndim == 2 else first * dense
    return [weighed, *others]
