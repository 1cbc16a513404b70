"""All sampled losses, and a table, true classes and a sample for them"""

import theano
import theano.tensor as T
from lasagne_sparse import objectives
from lasagne_sparse.samplers import Sample
from modes import compiling_with

__all__ = ["LOSSES", "NUM_CLASSES", "compiled", "float64", "values"]

LOSSES = [
    "sampled_softmax",
    "nce",
    "negative_sampling",
    "bpr",
    "bpr_max",
    "top1_max",
]
NUM_CLASSES, NUM_UNITS = 9, 4


def float64():
    """Computes in float64, and in Python: for what is about numbers alone"""
    return compiling_with(
        floatX="float64", mode="Mode", optimizer="fast_run", linker="py"
    )


def values(rng, batch_size):
    """Returns h, W and b"""
    return (
        rng.randn(batch_size, NUM_UNITS),
        rng.randn(NUM_CLASSES, NUM_UNITS),
        rng.randn(NUM_CLASSES),
    )


def compiled(num_true=None, remove=True, with_gradients=False):
    """Compiles all losses, in one function as what they share is compiled once

    Returns a function of h, W, b, targets, the sample's classes and ln Q that returns
    a dict: of each loss its values, or its values and gradients by h, W and b.
    """
    with float64():
        h, W, b, log_q = T.matrix("h"), T.matrix("W"), T.vector("b"), T.vector("log_q")
        targets = T.ivector("targets") if num_true is None else T.imatrix("targets")
        classes = T.lvector("classes")
        sample = Sample(classes, lambda k: log_q[k.flatten()].reshape(k.shape, k.ndim))
        outputs = {}
        for name in LOSSES if num_true is None else LOSSES[:3]:
            loss = getattr(objectives, name)(
                h, targets, W, b, sample, remove_accidental_hits=remove
            )
            outputs[name] = loss
            if with_gradients:
                for k, gradient in enumerate(theano.grad(loss.sum(), [h, W, b])):
                    outputs["%s/%d" % (name, k)] = gradient
        return theano.function([h, W, b, targets, classes, log_q], outputs)
