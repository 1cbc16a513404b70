"""Bags: a step of adagrad on 26 tables, each with a bag of 20 lookups an example.

The tables have 3 to 1,000,000 rows of 64 numbers (a geometric series, as the features
of a recommender have), a minibatch 512 examples, whose indices are Zipf-drawn. The bags
of an example are summed, multiplied with a fixed vector each, and added up to a
prediction; the loss is its mean squared error. So nearly all of a step is looking up,
summing and updating.

`ours` has a layer for each table, `by_hand` writes ``W[x].sum(axis=1)``, and `unfused`
is that without our rewrites. The others of ours have one thing more than a sum: weights
by which a mean is taken, an index that is padding, or a maximum. `pytorch` and `fbgemm`
run in the peers' environment: each contestant imports what it needs by itself. FBGEMM
has row-wise Adagrad, which keeps and writes one number for each row.
"""

import numpy as np
from workloads import draw_zipf

__all__ = ["CONTESTANTS", "NUM_UNITS", "SIZES"]

NUM_TABLES, NUM_UNITS, BATCH_SIZE, BAG_SIZE = 26, 64, 512, 20
#: Rows of each table.
SIZES = [int(round(n)) for n in np.geomspace(3, 10**6, NUM_TABLES)]
NUM_BATCHES = 10
LEARNING_RATE = 1e-2
_EPSILON = 1e-6


def draw_batches():
    """Indices by minibatch, table, example and place, and targets"""
    random = np.random.RandomState(0)
    count = NUM_BATCHES * BATCH_SIZE * BAG_SIZE
    shape = (NUM_BATCHES, BATCH_SIZE, BAG_SIZE)
    indices = [draw_zipf(random, n, count).reshape(shape) for n in SIZES]
    targets = random.uniform(-1, 1, (NUM_BATCHES, BATCH_SIZE)).astype("float32")
    return np.stack(indices, axis=1), targets


def draw_tables():
    """The tables at the start, and the vectors that bags are multiplied with"""
    random = np.random.RandomState(1)
    tables = [random.uniform(-0.1, 0.1, (n, NUM_UNITS)).astype("f4") for n in SIZES]
    return tables, random.uniform(-1, 1, (NUM_TABLES, NUM_UNITS)).astype("float32")


def train(bag_of, mode=None, num_further=0):
    """A step of Theano's; `bag_of` makes bags of a table and a matrix of indices"""
    import lasagne_sparse.updates
    import theano
    import theano.tensor as T

    tables, vectors = draw_tables()
    params = [
        theano.shared(table, "W%d" % i, borrow=True) for i, table in enumerate(tables)
    ]
    inputs = [T.lmatrix("x%d" % i) for i in range(NUM_TABLES)]
    further = [T.fmatrix("further") for _ in range(num_further)]
    targets = T.fvector("targets")
    predicted = sum(
        T.dot(bag_of(W, x, *further), vector)
        for W, x, vector in zip(params, inputs, vectors)
    )
    loss = T.mean(T.sqr(predicted - targets))
    updates = lasagne_sparse.updates.adagrad(
        loss, params, learning_rate=np.float32(LEARNING_RATE), epsilon=_EPSILON
    )
    function = theano.function(
        inputs + further + [targets], loss, updates=updates, mode=mode
    )
    indices, all_targets = draw_batches()
    numbers = np.random.RandomState(2).uniform(0.5, 1, (BATCH_SIZE, BAG_SIZE))
    numbers = [numbers.astype("float32")] * num_further
    batches = [list(x) + numbers + [y] for x, y in zip(indices, all_targets)]
    return lambda number: function(*batches[number % NUM_BATCHES])


def layers(num_further=0, **options):
    """The maker of a step with the library's layer"""

    def bag_of(W, x, *further):
        from lasagne.layers import InputLayer, get_output
        from lasagne_sparse.layers import EmbeddingBagLayer

        source = InputLayer((BATCH_SIZE, BAG_SIZE), x)
        shape = W.get_value(borrow=True).shape
        given = dict(options, weights=further[0]) if further else options
        return get_output(EmbeddingBagLayer(source, *shape, W=W, **given))

    return lambda: train(bag_of, num_further=num_further)


def by_hand():
    """``W[x].sum(axis=1)``"""
    return train(lambda W, x: W[x].sum(axis=1))


def unfused():
    """The same without our rewrites"""
    import lasagne_sparse  # noqa: F401  (mends what Theano needs)
    from contestants_theano import without_us

    return train(lambda W, x: W[x].sum(axis=1), without_us())


def loss_of(bags, vectors, targets):
    """PyTorch's loss of a list of bags"""
    predicted = sum(bag @ vector for bag, vector in zip(bags, vectors))
    return ((predicted - targets) ** 2).mean()


def pytorch():
    """``torch.nn.EmbeddingBag(mode='sum', sparse=True)`` and ``Adagrad``"""
    import torch

    tables, vectors = draw_tables()
    bags = [
        torch.nn.EmbeddingBag.from_pretrained(
            # in PyTorch's own memory, not in NumPy's
            torch.from_numpy(table).clone(),
            freeze=False,
            mode="sum",
            sparse=True,
        )
        for table in tables
    ]
    params = [bag.weight for bag in bags]
    optimizer = torch.optim.Adagrad(params, lr=LEARNING_RATE, eps=_EPSILON)
    vectors = torch.from_numpy(vectors)
    indices, targets = map(torch.from_numpy, draw_batches())

    def step(number):
        number %= NUM_BATCHES
        found = [bag(x) for bag, x in zip(bags, indices[number])]
        loss = loss_of(found, vectors, targets[number])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return step


def fbgemm():
    """FBGEMM's one module for all tables, with its update in the backward pass"""
    import torch
    from fbgemm_gpu.split_embedding_configs import EmbOptimType
    from fbgemm_gpu.split_table_batched_embeddings_ops_common import (
        EmbeddingLocation,
        PoolingMode,
    )
    from fbgemm_gpu.split_table_batched_embeddings_ops_training import (
        ComputeDevice,
        SplitTableBatchedEmbeddingBagsCodegen,
    )

    tables, vectors = draw_tables()
    place = (EmbeddingLocation.HOST, ComputeDevice.CPU)
    module = SplitTableBatchedEmbeddingBagsCodegen(
        [table.shape + place for table in tables],
        optimizer=EmbOptimType.EXACT_ROWWISE_ADAGRAD,
        learning_rate=LEARNING_RATE,
        eps=_EPSILON,
        pooling_mode=PoolingMode.SUM,
    )
    for weights, table in zip(module.split_embedding_weights(), tables):
        weights.copy_(torch.from_numpy(table))
    indices, targets = map(torch.from_numpy, draw_batches())
    indices = [batch.flatten() for batch in indices]
    offsets = torch.arange(NUM_TABLES * BATCH_SIZE + 1) * BAG_SIZE
    vectors = torch.from_numpy(vectors).flatten()

    def step(number):
        number %= NUM_BATCHES
        predicted = module(indices[number], offsets) @ vectors
        ((predicted - targets[number]) ** 2).mean().backward()

    return step


CONTESTANTS = {
    "ours": layers(combiner="sum"),
    "by_hand": by_hand,
    "unfused": unfused,
    "weighted_mean": layers(1, combiner="mean"),
    "padded": layers(combiner="sum", padding_idx=0),
    "max": layers(combiner="max"),
    "pytorch": pytorch,
    "fbgemm": fbgemm,
}
