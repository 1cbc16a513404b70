"""A network with dense layers beside a table: do our threads get in their way?

Twenty words a row are looked up in a 200,000 x 64 table and go through two dense
layers of 256 units and a softmax over 1,000 classes; a step is one minibatch of 128
rows under adam. Most of the time goes to OpenBLAS, whose threads share the cores with
those of our loops. The parent runs `ours` twice: with ``OMP_NUM_THREADS`` at the
number of cores and at 1, with ``OPENBLAS_NUM_THREADS`` at the number of cores both
times (OpenBLAS must be built on pthreads, as Debian's default one is).
"""

import lasagne_sparse  # first: mends what Theano and Lasagne need
import lasagne
import numpy as np
import theano
import theano.tensor as T
from contestants_theano import without_us
from workloads import draw_zipf, make_table

__all__ = ["CONTESTANTS"]

NUM_ROWS, NUM_UNITS = 200000, 64
BATCH_SIZE, NUM_WORDS, NUM_HIDDEN, NUM_CLASSES = 128, 20, 256, 1000
NUM_BATCHES = 20


def make_network(indices):
    """The layers, from the words to the classes"""
    lasagne.random.set_rng(np.random.RandomState(0))
    layer = lasagne.layers.InputLayer((BATCH_SIZE, NUM_WORDS), indices)
    layer = lasagne_sparse.layers.EmbeddingLayer(
        layer, NUM_ROWS, NUM_UNITS, W=make_table(NUM_ROWS, NUM_UNITS)
    )
    for _ in range(2):
        layer = lasagne.layers.DenseLayer(layer, NUM_HIDDEN)
    return lasagne.layers.DenseLayer(
        layer, NUM_CLASSES, nonlinearity=lasagne.nonlinearities.softmax
    )


def draw_data():
    """Minibatches of words and classes"""
    random = np.random.RandomState(0)
    words = draw_zipf(random, NUM_ROWS, NUM_BATCHES * BATCH_SIZE * NUM_WORDS)
    classes = random.randint(0, NUM_CLASSES, size=(NUM_BATCHES, BATCH_SIZE))
    return words.reshape(NUM_BATCHES, BATCH_SIZE, NUM_WORDS), classes


def train(update, mode=None):
    """A step of the network under an update rule"""
    indices, classes = T.lmatrix("indices"), T.lvector("classes")
    network = make_network(indices)
    probabilities = lasagne.layers.get_output(network)
    loss = T.nnet.categorical_crossentropy(probabilities, classes).mean()
    params = lasagne.layers.get_all_params(network, trainable=True)
    updates = update(loss, params, learning_rate=1e-3)
    function = theano.function([indices, classes], loss, updates=updates, mode=mode)
    all_words, all_classes = draw_data()

    def step(number):
        number %= NUM_BATCHES
        function(all_words[number], all_classes[number])

    return step


def ours():
    """``lasagne_sparse.updates.adam``"""
    return train(lasagne_sparse.updates.adam)


def dense():
    """``lasagne.updates.adam``"""
    return train(lasagne.updates.adam, without_us())


CONTESTANTS = {"ours": ours, "dense": dense}
