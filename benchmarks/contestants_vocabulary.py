"""A large output vocabulary: a step of adam on an output layer of many classes.

An example is 128 numbers; a dense layer of 128 units, and a table of ``num_classes``
rows and biases above it, are trained on batches of 256. The true classes are
Zipf-drawn, the most frequent one first. A sample is 512 classes for the whole batch,
drawn anew in each step from the log-uniform distribution with replacement; scores are
corrected by how often a class is expected in it, and accidental hits are left out.

`ours` is :func:`lasagne_sparse.objectives.sampled_softmax`, `full` the softmax over all
classes under Lasagne's own adam, `pytorch` the same sampled softmax with sparse
gradients under ``SparseAdam`` (the dense layer under ``Adam``), and `adaptive` is
``torch.nn.AdaptiveLogSoftmaxWithLoss`` under ``Adam``.
"""

import math

import numpy as np
from workloads import draw_zipf

__all__ = ["CONTESTANTS"]

NUM_UNITS, BATCH_SIZE, NUM_SAMPLES = 128, 256, 512
NUM_BATCHES = 20
LEARNING_RATE = 1e-3


def draw_data(num_classes):
    """Minibatches of examples and their classes"""
    random = np.random.RandomState(0)
    shape = (NUM_BATCHES, BATCH_SIZE)
    targets = draw_zipf(random, num_classes, NUM_BATCHES * BATCH_SIZE).reshape(shape)
    return random.standard_normal(shape + (NUM_UNITS,)).astype("float32"), targets


def draw_parameters(num_classes):
    """The dense layer, the table and the biases, at the start"""
    random = np.random.RandomState(1)
    dense = random.uniform(-0.1, 0.1, (NUM_UNITS, NUM_UNITS)).astype("float32")
    table = np.empty((num_classes, NUM_UNITS), "float32")
    table[...] = random.uniform(-0.1, 0.1, NUM_UNITS).astype("float32")
    return dense, table, np.zeros(num_classes, "float32")


def train(num_classes, make_loss, update, mode=None):
    """A step in Theano"""
    import theano
    import theano.tensor as T

    x, targets = T.fmatrix("x"), T.lvector("targets")
    params = [
        theano.shared(v, name, borrow=True)
        for v, name in zip(draw_parameters(num_classes), "MWb")
    ]
    loss = make_loss(T.tanh(T.dot(x, params[0])), targets, *params[1:]).mean()
    updates = update(loss, params, learning_rate=np.float32(LEARNING_RATE))
    function = theano.function([x, targets], loss, updates=updates, mode=mode)
    batches = list(zip(*draw_data(num_classes)))
    return lambda number: function(*batches[number % NUM_BATCHES])


def ours(num_classes):
    """``lasagne_sparse.objectives.sampled_softmax``"""
    import lasagne_sparse
    from lasagne_sparse.samplers import LogUniformSampler

    sampler = LogUniformSampler(num_classes, seed=1)

    def loss(h, targets, W, b):
        sample = sampler.draw(NUM_SAMPLES, unique=False)
        return lasagne_sparse.objectives.sampled_softmax(h, targets, W, b, sample)

    return train(num_classes, loss, lasagne_sparse.updates.adam)


def full(num_classes):
    """The softmax over all classes, under ``lasagne.updates.adam``"""
    import lasagne_sparse  # noqa: F401  (mends what Theano and Lasagne need)
    import lasagne
    import theano.tensor as T

    def loss(h, targets, W, b):
        predicted = T.nnet.softmax(T.dot(h, W.T) + b)
        return lasagne.objectives.categorical_crossentropy(predicted, targets)

    return train(num_classes, loss, lasagne.updates.adam)


def torch_batches(num_classes):
    """The batches as PyTorch's tensors"""
    import torch

    return [
        [torch.from_numpy(v) for v in batch] for batch in zip(*draw_data(num_classes))
    ]


def pytorch(num_classes):
    """A sampled softmax of sparse embeddings, under ``SparseAdam``"""
    import torch

    dense, table, bias = (
        torch.from_numpy(v).clone() for v in draw_parameters(num_classes)
    )
    M = torch.nn.Parameter(dense)
    W, b = (
        torch.nn.Embedding.from_pretrained(
            v.reshape(num_classes, -1), freeze=False, sparse=True
        )
        for v in (table, bias)
    )
    rows = torch.optim.SparseAdam([W.weight, b.weight], lr=LEARNING_RATE)
    others = torch.optim.Adam([M], lr=LEARNING_RATE)
    batches = torch_batches(num_classes)
    log_range = math.log(num_classes + 1)

    def log_expected(classes):
        p = torch.log1p(1 / (classes.float() + 1)) / log_range
        return torch.log(p * NUM_SAMPLES)

    def step(number):
        x, targets = batches[number % NUM_BATCHES]
        h = torch.tanh(x @ M)
        drawn = torch.exp(torch.rand(NUM_SAMPLES, dtype=torch.float64) * log_range)
        sample = (drawn.long() - 1).clamp_(0, num_classes - 1)
        true = (h * W(targets)).sum(1) + b(targets)[:, 0] - log_expected(targets)
        sampled = h @ W(sample).T + b(sample)[:, 0] - log_expected(sample)
        sampled = sampled.masked_fill(sample == targets[:, None], -math.inf)
        scores = torch.cat([true[:, None], sampled], 1)
        loss = (torch.logsumexp(scores, 1) - true).mean()
        rows.zero_grad(set_to_none=True)
        others.zero_grad(set_to_none=True)
        loss.backward()
        rows.step()
        others.step()

    return step


def adaptive(num_classes):
    """``torch.nn.AdaptiveLogSoftmaxWithLoss``, under ``Adam``"""
    import torch

    M = torch.nn.Parameter(torch.from_numpy(draw_parameters(10)[0]))
    cutoffs = [num_classes // 50, num_classes // 5]
    layer = torch.nn.AdaptiveLogSoftmaxWithLoss(NUM_UNITS, num_classes, cutoffs)
    optimizer = torch.optim.Adam([M, *layer.parameters()], lr=LEARNING_RATE)
    batches = torch_batches(num_classes)

    def step(number):
        x, targets = batches[number % NUM_BATCHES]
        loss = layer(torch.tanh(x @ M), targets).loss
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return step


CONTESTANTS = {"ours": ours, "full": full, "pytorch": pytorch, "adaptive": adaptive}
