"""A network with a table as an estimator: ``fit``, ``predict``, ``score``

nolearn wraps Lasagne networks into estimators of this kind. Its last release,
0.6.1, imports names that Python 3.10 and scikit-learn 0.20 have dropped, so this
example brings its own class, in nolearn's style: layers are listed as pairs of a
class and its arguments, and the update rule is an argument like any other, with
its own arguments behind ``update_``. Where nolearn itself still imports, its
``NeuralNet`` takes ``update=lasagne_sparse.updates.adam`` in the same way. ::

    python examples/nolearn_style.py
"""

import lasagne_sparse  # above theano and lasagne: it mends them
import lasagne
import numpy as np
import theano
import theano.tensor as T
from tqdm import tqdm
from training_loop import NUM_TOPICS, NUM_WORDS, WORDS_EACH, batches

__all__ = ["NeuralNet", "main"]


class NeuralNet:
    """
    NeuralNet(layers, update=lasagne_sparse.updates.adam, max_epochs=10,
    batch_size=64, verbose=1, **kwargs)

    A classifier of rows of integers.

    Parameters
    ----------
    layers : list of (class, dict)
        Layers of Lasagne, the first one an ``InputLayer``; the last one's units
        are the classes.
    update : callable
        The rule; a dense one works too, but walks all of each table.
    max_epochs : int
        Passes over the examples in :meth:`fit`.
    batch_size : int
        Examples per update.
    verbose : int
        0 to print nothing.
    **kwargs
        ``update_learning_rate=0.01`` becomes the rule's ``learning_rate``, and so on.

    Raises
    ------
    TypeError
        If an argument is not known.
    """

    def __init__(
        self,
        layers,
        update=lasagne_sparse.updates.adam,
        max_epochs=10,
        batch_size=64,
        verbose=1,
        **kwargs,
    ):
        unknown = [name for name in kwargs if not name.startswith("update_")]
        if unknown:
            raise TypeError(
                "unknown argument %r: the rule's own begin with update_" % unknown[0]
            )
        self.layers, self.update = layers, update
        self.max_epochs, self.batch_size = max_epochs, batch_size
        self.verbose = verbose
        self.update_kwargs = {k[len("update_") :]: v for k, v in kwargs.items()}
        self.history = []  # the mean loss of each epoch
        self.network = None

    def initialize(self):
        """Builds the network and compiles its functions, once"""
        if self.network is not None:
            return self
        x, y = T.imatrix("x"), T.ivector("y")
        network = None
        for kind, arguments in self.layers:
            if network is None:
                network = kind(input_var=x, **arguments)
            else:
                network = kind(network, **arguments)
        prediction = lasagne.layers.get_output(network)
        loss = lasagne.objectives.categorical_crossentropy(prediction, y).mean()
        params = lasagne.layers.get_all_params(network, trainable=True)
        changes = self.update(loss, params, **self.update_kwargs)
        self.train = theano.function([x, y], loss, updates=changes)
        prediction = lasagne.layers.get_output(network, deterministic=True)
        self.predict_proba = theano.function([x], prediction)
        self.network = network
        return self

    def fit(self, X, y):
        """Trains on examples; called again, it goes on

        Parameters
        ----------
        X : NumPy array, shape ``(num_examples, num_words)``, int32
        y : NumPy array, shape ``(num_examples,)``, int32

        Returns
        -------
        NeuralNet
            This one.
        """
        self.initialize()
        rng = np.random.RandomState(len(self.history))
        epochs = tqdm(range(self.max_epochs), disable=not self.verbose)
        for _ in epochs:
            order = rng.permutation(len(X))
            losses = [
                self.train(X[batch], y[batch])
                for batch in np.array_split(order, -(-len(X) // self.batch_size))
            ]
            self.history.append(float(np.mean(losses)))
            epochs.set_postfix(loss="%.3f" % self.history[-1])
        return self

    def predict(self, X):
        """Returns the likeliest class of each example, shape ``(num_examples,)``"""
        return np.argmax(self.initialize().predict_proba(X), axis=1)

    def score(self, X, y):
        """Returns the share of the examples that are classified right"""
        return float(np.mean(self.predict(X) == y))


def main(num_epochs=10, seed=1):
    """Fits the network of the plain loop, and prints its score

    Parameters
    ----------
    num_epochs : int
    seed : int

    Returns
    -------
    float
        The score on examples that were not learned from, in [0, 1].
    """
    rng = np.random.RandomState(seed)
    lasagne.random.set_rng(rng)
    X, y = next(batches(1, 6400, rng))
    X_new, y_new = next(batches(1, 640, rng))
    net = NeuralNet(
        layers=[
            (lasagne.layers.InputLayer, {"shape": (None, WORDS_EACH)}),
            (
                lasagne_sparse.layers.EmbeddingLayer,
                {
                    "input_size": NUM_WORDS,
                    "output_size": 16,
                    "W": lasagne.init.Normal(0.1),
                },
            ),
            (lasagne.layers.DenseLayer, {"num_units": 32}),
            (
                lasagne.layers.DenseLayer,
                {
                    "num_units": NUM_TOPICS,
                    "nonlinearity": lasagne.nonlinearities.softmax,
                },
            ),
        ],
        update=lasagne_sparse.updates.adam,
        update_learning_rate=0.01,
        max_epochs=num_epochs,
    )
    net.fit(X, y)
    score = net.score(X_new, y_new)
    print("score on other examples: %.3f" % score)
    return score


if __name__ == "__main__":
    main()
