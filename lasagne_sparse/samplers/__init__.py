"""Draws some classes of many, for the losses of large output vocabularies

.. autosummary::
    :nosignatures:

    UniformSampler
    LogUniformSampler
    UnigramSampler
    Sample
    in_batch

Examples
--------
>>> import theano
>>> from lasagne_sparse.samplers import LogUniformSampler
>>> sampler = LogUniformSampler(num_classes=1000000, seed=3)
>>> sample = sampler.draw(5)
>>> draw = theano.function([], sample.classes)
>>> print(draw(), draw())
[    6  3291 44592    13  1691] [ 11 210   0  86  27]
"""

from .log_uniform import LogUniformSampler
from .sample import Sample, in_batch
from .unigram import UnigramSampler
from .uniform import UniformSampler

__all__ = [
    "LogUniformSampler",
    "Sample",
    "UniformSampler",
    "UnigramSampler",
    "in_batch",
]
