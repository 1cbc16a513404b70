"""The scores of true classes and of a sample: what all sampled losses are made of"""

from collections import namedtuple

import theano.tensor as T

from ..graph import are_not_negative, table_of
from ..ops.indexing.row_numbers import RowNumbers
from ..samplers.sample import as_sample

__all__ = [
    "Scores",
    "all_scores",
    "checked",
    "class_scores",
    "numbered",
    "scores",
    "weighted_sum",
]

Scores = namedtuple("Scores", "true sampled kept")
Scores.__doc__ = """What a loss compares

``true``, shape ``(batch_size,)`` or ``(batch_size, num_true)``; ``sampled``, shape
``(batch_size, num_samples)``; ``kept``, of the same shape and dtype, 0 where the
sampled class is a true one and 1 elsewhere, or None where such hits stay.
"""


def scores(h, targets, W, b, sample, remove_accidental_hits, corrected):
    """Scores the true classes of each example, and a sample for all of them

    * ``z[k] := dot(h, W[k]) + b[k]``, less ``ln Q(k)`` if corrected

    The sample is one matrix product with its rows, gathered once.

    Parameters
    ----------
    h : Theano matrix, shape ``(batch_size, num_units)``
    targets : Theano vector or matrix, integer
        Shape ``(batch_size,)`` or ``(batch_size, num_true)``.
    W : Theano matrix, shape ``(num_classes, num_units)``
    b : Theano vector, shape ``(num_classes,)``, or None
    sample : Sample, or Theano vector of integers
    remove_accidental_hits : bool
    corrected : bool
        Whether to take off how often a class is expected in the sample.

    Returns
    -------
    Scores

    Raises
    ------
    TypeError
        If an input is of another kind.
    """
    h, targets, W, b = checked(h, targets, W, b)
    sample = as_sample(sample)
    classes = numbered(sample.classes, W.shape[0], _name(W))
    true = class_scores(h, targets, W, b)
    sampled = T.dot(h, W[classes].T)
    if b is not None:
        sampled += b[classes]
    if corrected and sample.is_corrected:
        true -= T.cast(sample.log_expected(targets), true.dtype)
        sampled -= T.cast(sample.log_expected(classes), sampled.dtype)
    kept = None
    if remove_accidental_hits:
        differs = T.neq(classes, T.shape_padright(targets))
        if targets.ndim == 2:
            differs = T.all(differs, axis=1)
        kept = T.cast(differs, sampled.dtype)
    return Scores(true, sampled, kept)


def class_scores(h, targets, W, b):
    """Scores some classes of each example

    * ``z[k] := dot(h, W[k]) + b[k]``

    Parameters
    ----------
    h, targets, W, b
        As for :func:`scores`.

    Returns
    -------
    Theano variable, shape of `targets`
    """
    per_class = h if targets.ndim == 1 else h.dimshuffle(0, "x", 1)
    found = T.sum(per_class * W[targets], axis=-1)
    return found if b is None else found + b[targets]


def all_scores(h, W, b=None):
    """Scores all classes

    * ``z := dot(h, W.T) + b``

    Parameters
    ----------
    h : Theano matrix, shape ``(batch_size, num_units)``
    W : Theano matrix, shape ``(num_classes, num_units)``
    b : Theano vector, shape ``(num_classes,)``, optional

    Returns
    -------
    Theano matrix, shape ``(batch_size, num_classes)``
        Of this the gradient by `W` is dense: it is for evaluation.
    """
    found = T.dot(h, W.T)
    return found if b is None else found + b


def weighted_sum(values, kept):
    """Sums over the sample, without what is not kept

    Parameters
    ----------
    values : Theano matrix, shape ``(batch_size, num_samples)``
    kept : Theano matrix of this shape, or None

    Returns
    -------
    Theano vector, shape ``(batch_size,)``
    """
    return T.sum(values if kept is None else values * kept, axis=1)


def numbered(classes, num_classes, name):
    """Checks classes, and counts those that are negative from the first one

    So that one number stands for a class where numbers are compared.

    Parameters
    ----------
    classes : Theano variable, any shape, integer
    num_classes : int or symbolic integer scalar
    name : str or None
        That of the table, for the message of the error.

    Returns
    -------
    Theano variable, shape of `classes`, integer
        In ``[0, num_classes)``. An ``IndexError`` is raised when the compiled function
        is called, if a class is not in ``[-num_classes, num_classes)``.
    """
    if classes.ndim == 1 and are_not_negative(classes):
        return classes
    rows = RowNumbers(name)(classes.flatten(), num_classes)
    return rows if classes.ndim == 1 else T.reshape(rows, classes.shape, classes.ndim)


def checked(h, targets, W, b, num_classes=None):
    """Checks what a loss is computed of

    Parameters
    ----------
    h, targets, W, b
        As for :func:`scores`.
    num_classes : int or symbolic integer scalar, optional
        How many classes there are, if not one for each row of `W`.

    Returns
    -------
    tuple of Theano variables
        The same; `b` may be None, and no target is negative.

    Raises
    ------
    TypeError
        If `h` or `W` is no matrix, `targets` neither vector nor matrix of integers, or
        `b` neither vector nor None.
    """
    h, targets, W = (T.as_tensor_variable(v) for v in (h, targets, W))
    if h.ndim != 2:
        raise TypeError(
            "h must be a matrix with a row for each example, got %s of type %s: "
            "reshape it to (-1, num_units), and the targets to (-1,)" % (h, h.type)
        )
    if targets.dtype not in T.integer_dtypes or targets.ndim not in (1, 2):
        raise TypeError(
            "targets must be a vector of integers, a class for each example, or a "
            "matrix, several classes for each; got %s of type %s"
            % (targets, targets.type)
        )
    if W.ndim != 2:
        raise TypeError(
            "W must be a matrix with a row for each class, got %s of type %s"
            % (W, W.type)
        )
    if b is not None:
        b = T.as_tensor_variable(b)
        if b.ndim != 1:
            raise TypeError(
                "b must be a vector with a number for each class, or None; got %s of "
                "type %s" % (b, b.type)
            )
    if num_classes is None:
        targets = numbered(targets, W.shape[0], _name(W))
    else:
        targets = numbered(targets, num_classes, "classes")
    return h, targets, W, b


def _name(W):
    """Returns the name of a table, also of one that a device holds."""
    table = table_of(W)
    return W.name if table is None else table.name
