"""Trains a network with a table, in a plain loop

The task: tell which topic some words are about. One of them is a stranger, and
all that the network has of a word is its row of a table. ::

    python examples/training_loop.py
"""

import lasagne_sparse  # above theano and lasagne: it mends them
import lasagne
import numpy as np
import theano
import theano.tensor as T
from lasagne_sparse import updates
from lasagne_sparse.layers import EmbeddingLayer
from tqdm import tqdm

__all__ = ["batches", "build", "compiled", "main"]

NUM_WORDS, NUM_TOPICS, WORDS_EACH = 20000, 10, 6


def build(input_var):
    """Makes the network: word vectors, side by side, into two dense layers

    Parameters
    ----------
    input_var : Theano matrix, shape ``(num_examples, WORDS_EACH)``, int32

    Returns
    -------
    lasagne.layers.Layer
        The last layer; its output has shape ``(num_examples, NUM_TOPICS)``.
    """
    network = lasagne.layers.InputLayer((None, WORDS_EACH), input_var)
    network = EmbeddingLayer(
        network, input_size=NUM_WORDS, output_size=16, W=lasagne.init.Normal(0.1)
    )
    network = lasagne.layers.DenseLayer(network, num_units=32)
    return lasagne.layers.DenseLayer(
        network, NUM_TOPICS, nonlinearity=lasagne.nonlinearities.softmax
    )


def compiled(network, input_var, target_var):
    """Compiles what trains the network, and what judges it

    Returns
    -------
    train, accuracy : functions
        Of a batch of words and topics.
    """
    prediction = lasagne.layers.get_output(network)
    loss = lasagne.objectives.categorical_crossentropy(prediction, target_var).mean()
    params = lasagne.layers.get_all_params(network, trainable=True)
    changes = updates.adam(loss, params, learning_rate=0.01)
    train = theano.function([input_var, target_var], loss, updates=changes)
    lasagne_sparse.assert_sparse(train, params[:1])  # the table

    prediction = lasagne.layers.get_output(network, deterministic=True)
    right = T.eq(T.argmax(prediction, axis=1), target_var)
    return train, theano.function([input_var, target_var], right.mean())


def batches(number, size, rng):
    """Draws examples: a stranger, then words of one topic

    Yields
    ------
    words : NumPy array, shape ``(size, WORDS_EACH)``, int32
        Word ``i`` is of topic ``i % NUM_TOPICS``, which the network is not told.
    topics : NumPy array, shape ``(size,)``, int32
    """
    for _ in range(number):
        topics = rng.randint(NUM_TOPICS, size=size)
        words = rng.randint(NUM_WORDS // NUM_TOPICS, size=(size, WORDS_EACH))
        words = words * NUM_TOPICS + topics[:, None]
        words[:, 0] = rng.randint(NUM_WORDS, size=size)
        yield words.astype("int32"), topics.astype("int32")


def main(num_epochs=10, seed=1):
    """Trains, and prints how well it went

    Parameters
    ----------
    num_epochs : int
    seed : int

    Returns
    -------
    float
        The accuracy on examples that were not learned from, in [0, 1].
    """
    rng = np.random.RandomState(seed)
    lasagne.random.set_rng(rng)
    input_var, target_var = T.imatrix("words"), T.ivector("topics")
    network = build(input_var)
    train, accuracy = compiled(network, input_var, target_var)
    for epoch in range(num_epochs):
        losses = []
        for words, topics in tqdm(
            batches(100, 64, rng), total=100, desc="epoch %d" % (epoch + 1), leave=False
        ):
            losses.append(train(words, topics))
        right = np.mean([accuracy(*batch) for batch in batches(10, 64, rng)])
        print(
            "epoch %2d: loss %.3f, accuracy %.3f" % (epoch + 1, np.mean(losses), right)
        )
    return float(right)


if __name__ == "__main__":
    main()
