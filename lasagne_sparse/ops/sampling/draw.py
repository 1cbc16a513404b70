"""Classes drawn at random, with or without replacement"""

import numpy as np
import theano.tensor as T
from theano.gof import Apply
from theano.gradient import DisconnectedType

from .candidates import DISTRIBUTIONS, candidates
from ..c_support import CodeOp, c_files

__all__ = ["TRIES_PER_SAMPLE", "Draw", "check_draw"]

#: Distinct classes are given up after this many draws for each, and for 100 more.
TRIES_PER_SAMPLE = 10000


class Draw(CodeOp):
    """
    lasagne_sparse.ops.sampling.draw.Draw(distribution, unique)

    Draws classes, and counts how often it had to.

    The Op computes, for ``state``, of shape ``(3,)`` and dtype int64, and scalars
    ``num_samples``, ``num_classes`` and ``num_possible``::

        seed, stream, position = state
        classes, tries = [], 0
        while len(classes) < num_samples:
            (found,) = candidates(distribution, (seed, stream, position), 1,
                                  num_classes, alias)
            position = position + 1
            if found >= 0:
                tries = tries + 1
                if not unique or found not in classes:
                    classes.append(found)
        new_state = [seed, stream, position]

    Its outputs are ``classes``, shape ``(num_samples,)``, in the order in which they
    were drawn, the scalar ``tries``, and ``new_state``; all int64. The draws depend on
    these inputs alone: they are the same in Python and C, on every device.

    Parameters
    ----------
    distribution : str
        ``'uniform'``, ``'log_uniform'``, or ``'alias'``: then there is a last input,
        ``alias``, shape ``(num_classes, 2)`` and float64, as for :func:`.candidates`.
    unique : bool
        Whether the classes are to be distinct.

    Raises
    ------
    ValueError
        If ``distribution`` is none of those. At run time, if ``num_samples`` is
        negative, if no class is possible, if more distinct classes are wanted than are
        possible, and if :data:`TRIES_PER_SAMPLE` draws for each do not find them.
    TypeError
        If an input is of another kind (when the graph is built).
    """

    __props__ = ("distribution", "unique")

    def __init__(self, distribution, unique):
        if distribution not in DISTRIBUTIONS:
            raise ValueError(
                "distribution must be one of %s, got %r"
                % (", ".join(map(repr, DISTRIBUTIONS)), distribution)
            )
        self.distribution, self.unique = distribution, bool(unique)

    @property
    def distinct_outputs(self):
        """Outputs of row numbers that do not repeat: see
        :func:`lasagne_sparse.graph.distinct.are_distinct`
        """
        return (0,) if self.unique else ()

    def __str__(self):
        return "Draw{%s%s}" % (self.distribution, ", unique" * self.unique)

    def make_node(self, state, num_samples, num_classes, num_possible, *alias):
        state = T.as_tensor_variable(state)
        numbers = [
            T.as_tensor_variable(n) for n in (num_samples, num_classes, num_possible)
        ]
        alias = [T.as_tensor_variable(table) for table in alias]
        if state.dtype != "int64" or state.ndim != 1:
            raise TypeError("state must be a vector of int64, got %s" % state.type)
        for name, n in zip(("num_samples", "num_classes", "num_possible"), numbers):
            if n.dtype not in T.integer_dtypes or n.ndim:
                raise TypeError("%s must be an integer scalar, got %s" % (name, n.type))
        if [(t.dtype, t.ndim) for t in alias] != [("float64", 2)] * self._num_tables():
            raise TypeError(
                "%s expects %d matrices of float64 last, got %s"
                % (self, self._num_tables(), [t.type for t in alias])
            )
        numbers = [T.cast(n, "int64") for n in numbers]
        outputs = [T.lvector(), T.lscalar(), T.lvector()]
        return Apply(self, [state] + numbers + alias, outputs)

    def _num_tables(self):
        return int(self.distribution == "alias")

    def infer_shape(self, node, input_shapes):
        return [(node.inputs[1],), (), (3,)]

    def perform(self, node, inputs, output_storage):
        state, num_samples, num_classes, num_possible = inputs[:4]
        alias = inputs[4] if len(inputs) > 4 else None
        num_samples, num_classes = int(num_samples), int(num_classes)
        if len(state) != 3:
            raise ValueError(
                "the state of a sampler has 3 numbers, seed, stream and position; got "
                "%d" % len(state)
            )
        if alias is not None and (len(alias) < num_classes or alias.shape[1] != 2):
            raise ValueError(
                "the alias table must be contiguous, with 2 numbers for each class"
            )
        check_draw(num_samples, num_classes, int(num_possible), self.unique)
        seed, stream, position = (int(n) for n in state)
        most = TRIES_PER_SAMPLE * (num_samples + 100)
        drawn, steps = np.zeros(0, np.int64), np.zeros(0, np.int64)
        first, read = np.zeros(0, np.int64), 0
        while len(first) < num_samples:
            if self.unique and len(drawn) > most:
                break
            found = candidates(
                self.distribution,
                (seed, stream, position + read),
                num_samples + len(drawn) + 16,
                num_classes,
                alias,
            )
            (accepted,) = np.nonzero(found >= 0)
            drawn = np.append(drawn, found[accepted])
            steps = np.append(steps, read + accepted)
            read += len(found)
            first = np.arange(len(drawn))
            if self.unique:  # where each class is for the first time
                first = np.sort(np.unique(drawn, return_index=True)[1])
        first = first[:num_samples]
        tries = first[-1] + 1 if num_samples else 0
        if len(first) < num_samples or self.unique and tries > most:
            raise ValueError(
                "%d draws gave less than %d distinct classes of %d: a few are much "
                "more probable than the others. Draw fewer, or with replacement "
                "(unique=False)" % (most, num_samples, num_classes)
            )
        used = steps[tries - 1] + 1 if num_samples else 0
        new_state = np.array(state, np.int64)
        new_state[2:] += used
        results = drawn[first], np.asarray(tries, np.int64), new_state
        for storage, result in zip(output_storage, results):
            storage[0] = result

    def grad(self, inputs, output_gradients):
        return [DisconnectedType()() for _ in inputs]

    def R_op(self, inputs, eval_points):
        return [None] * 3  # what is drawn has no derivative

    def connection_pattern(self, node):
        return [[False] * len(node.outputs) for _ in node.inputs]

    def c_support_code(self):
        return c_files(
            "c_code/arrays.h",
            "sampling/philox.h",
            "sampling/candidates.h",
            "sampling/draw.h",
        )

    def c_code(self, node, name, inputs, outputs, sub):
        contiguous, table = "", "NULL"
        if len(inputs) > 4:
            table = "(const double *)PyArray_DATA(%s)" % inputs[4]
            contiguous = """
            if (!PyArray_ISCARRAY_RO(%(alias)s) || PyArray_DIM(%(alias)s, 1) != 2 ||
                PyArray_DIM(%(alias)s, 0) < num_classes) {
                PyErr_SetString(PyExc_ValueError, "the alias table must be contiguous, "
                                "with 2 numbers for each class");
                %(fail)s
            }
            """ % dict(alias=inputs[4], fail=sub["fail"])
        return """
        {
            const int64_t num_classes = *(npy_int64 *)PyArray_DATA(%(num_classes)s);
            %(contiguous)s
            const lasagne_sparse_distribution from = {num_classes, %(table)s};
            if (lasagne_sparse_draw<%(kind)d, %(unique)d>(
                    %(state)s, *(npy_int64 *)PyArray_DATA(%(num_samples)s), from,
                    *(npy_int64 *)PyArray_DATA(%(num_possible)s), %(tries)d,
                    %(outputs)s)) {
                %(fail)s
            }
        }
        """ % dict(
            contiguous=contiguous,
            table=table,
            kind=DISTRIBUTIONS.index(self.distribution),
            unique=self.unique,
            state=inputs[0],
            num_samples=inputs[1],
            num_classes=inputs[2],
            num_possible=inputs[3],
            tries=TRIES_PER_SAMPLE,
            outputs=", ".join("&" + output for output in outputs),
            fail=sub["fail"],
        )


def check_draw(num_samples, num_classes, num_possible, unique):
    """Raises an error if classes cannot be drawn so

    Parameters
    ----------
    num_samples, num_classes, num_possible : int
        How many are wanted, how many there are, how many are possible.
    unique : bool
        Whether they are to be distinct.

    Raises
    ------
    ValueError
        As :class:`Draw` says.
    """
    if num_samples < 0:
        raise ValueError("num_samples must not be negative, got %d" % num_samples)
    if num_samples > 0 and num_possible < 1:
        raise ValueError(
            "cannot draw a sample of %d of %d classes, of which none has a positive "
            "probability" % (num_samples, num_classes)
        )
    if unique and num_samples > num_possible:
        raise ValueError(
            "cannot draw %d distinct classes of %d, of which %d have a positive "
            "probability: draw fewer, or with replacement (unique=False)"
            % (num_samples, num_classes, num_possible)
        )
