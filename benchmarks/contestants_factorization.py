"""Matrix factorization: a step of adam on ratings of items by users.

The rating of item *j* by user *i* is predicted by ``U[i] . V[j] + a[i] + b[j]``: two
tables with a row of 64 numbers for each of 200,000 users and 50,000 items, and two of a
number each. A step is one minibatch of 4,096 ratings, whose users and items are
Zipf-drawn, and the mean squared error.

`ours` and `dense` are the same program, but for one import; `unfused` is ours without
the rewrites, so with Theano's own operations on the rows that are looked up. `pytorch`
runs in the peers' environment: each contestant imports what it needs by itself.
"""

import numpy as np
from workloads import draw_zipf

__all__ = ["CONTESTANTS"]

NUM_USERS, NUM_ITEMS, NUM_UNITS, BATCH_SIZE = 200000, 50000, 64, 4096
NUM_BATCHES = 20
LEARNING_RATE = 1e-3


def draw_data():
    """Minibatches of users, items and ratings"""
    random = np.random.RandomState(0)
    shape = (NUM_BATCHES, BATCH_SIZE)
    users = draw_zipf(random, NUM_USERS, NUM_BATCHES * BATCH_SIZE).reshape(shape)
    items = draw_zipf(random, NUM_ITEMS, NUM_BATCHES * BATCH_SIZE).reshape(shape)
    return users, items, random.uniform(1, 5, shape).astype("float32")


def draw_tables():
    """The tables of users and items, and their biases, at the start"""
    random = np.random.RandomState(1)
    shapes = [(NUM_USERS, NUM_UNITS), (NUM_ITEMS, NUM_UNITS)]
    tables = [random.uniform(-0.1, 0.1, shape).astype("float32") for shape in shapes]
    return tables + [np.zeros(len(table), "float32") for table in tables]


def train(update, mode=None):
    """A step in Theano under an update rule"""
    import theano
    import theano.tensor as T

    users, items = T.lvectors("users", "items")
    ratings = T.fvector("ratings")
    params = [
        theano.shared(v, name, borrow=True) for v, name in zip(draw_tables(), "UVab")
    ]
    U, V, a, b = params
    predicted = (U[users] * V[items]).sum(axis=1) + a[users] + b[items]
    loss = T.mean((predicted - ratings) ** 2)
    updates = update(loss, params, learning_rate=np.float32(LEARNING_RATE))
    function = theano.function(
        [users, items, ratings], loss, updates=updates, mode=mode
    )
    batches = list(zip(*draw_data()))
    return lambda number: function(*batches[number % NUM_BATCHES])


def ours():
    """``lasagne_sparse.updates.adam``"""
    import lasagne_sparse.updates

    return train(lasagne_sparse.updates.adam)


def unfused():
    """The same without our rewrites"""
    import lasagne_sparse.updates
    from contestants_theano import without_us

    return train(lasagne_sparse.updates.adam, without_us())


def dense():
    """``lasagne.updates.adam``"""
    import lasagne_sparse  # noqa: F401  (mends what Theano and Lasagne need)
    import lasagne
    from contestants_theano import without_us

    return train(lasagne.updates.adam, without_us())


def pytorch():
    """``torch.nn.Embedding(sparse=True)`` and ``SparseAdam``"""
    import torch

    tables = [
        torch.nn.Embedding.from_pretrained(
            # in PyTorch's own memory, not in NumPy's
            torch.from_numpy(v.reshape(len(v), -1)).clone(),
            freeze=False,
            sparse=True,
        )
        for v in draw_tables()
    ]
    U, V, a, b = tables
    params = [table.weight for table in tables]
    optimizer = torch.optim.SparseAdam(params, lr=LEARNING_RATE)
    batches = [[torch.from_numpy(v) for v in batch] for batch in zip(*draw_data())]

    def step(number):
        users, items, ratings = batches[number % NUM_BATCHES]
        predicted = (U(users) * V(items)).sum(1) + a(users)[:, 0] + b(items)[:, 0]
        loss = ((predicted - ratings) ** 2).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return step


CONTESTANTS = {"ours": ours, "unfused": unfused, "dense": dense, "pytorch": pytorch}
