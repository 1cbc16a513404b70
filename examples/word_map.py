"""Draws words on a plane, similar ones close together

The places come from t-SNE [1]_, in its exact form, which suits some hundreds of
words. A label that would cover another is moved aside, or left out.

References
----------
.. [1] van der Maaten, L., Hinton, G. (2008): Visualizing Data using t-SNE.
       Journal of Machine Learning Research 9, 2579-2605.
"""

import numpy as np
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

__all__ = ["content_words", "draw", "layout", "neighbours"]

STRETCH = 500  # tokens; over which a text is looked at for its topics
SPOTS = [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)]


def content_words(corpus, number):
    """Chooses the commonest words that say what a text is about

    Words of all texts alike ("the") come in nearly every stretch of a text;
    words of a topic come in clusters. So a word is chosen if it comes in less
    than half of the stretches that it would come in by equal chance: Church and
    Gale's residual inverse document frequency. It needs no list of a language.

    Parameters
    ----------
    corpus : text.Corpus
        The text.
    number : int
        The most to choose.

    Returns
    -------
    list of int
        Indices of words, commonest first. Words of one or two letters are not
        chosen.

    References
    ----------
    .. [1] Church, K., Gale, W. (1995): Inverse Document Frequency (IDF): A
           Measure of Deviations from Poisson. Third Workshop on Very Large
           Corpora.
    """
    num_words = len(corpus.words)
    stretch = np.arange(len(corpus.tokens)) // STRETCH
    num_stretches = stretch[-1] + 1
    pairs = np.unique(stretch * num_words + corpus.tokens)
    found = np.bincount(pairs % num_words, minlength=num_words)
    expected = num_stretches * -np.expm1(-corpus.counts / num_stretches)
    long = np.array([len(word) > 2 for word in corpus.words])
    chosen = np.flatnonzero(long & (found < 0.5 * expected))
    if not len(chosen):
        chosen = np.arange(num_words)
    return chosen[:number].tolist()


def neighbours(vectors, word, number, among=None):
    """Finds the words nearest to a word, by the angle between vectors

    Parameters
    ----------
    vectors : NumPy array, shape ``(num_words, dim)``
        A vector per word.
    word : int
        The word's index.
    number : int
        How many to find.
    among : int, optional
        Seek among the commonest words only, so many.

    Returns
    -------
    list of int
        Nearest first, without the word itself.
    """
    sought = vectors[:among]
    lengths = np.maximum(np.linalg.norm(sought, axis=1), 1e-12)
    order = np.argsort(-(sought @ vectors[word]) / lengths, kind="stable")
    return order[order != word][:number].tolist()


def _probabilities(squares, perplexity):
    """Finds each point's bandwidth, and from it the closeness of all pairs"""
    others = ~np.eye(len(squares), dtype=bool)
    nearest = np.min(squares, axis=1, keepdims=True, where=others, initial=4)
    low, high = np.full((len(squares), 1), 1e-9), np.full((len(squares), 1), 1e9)
    for _ in range(60):
        precision = np.sqrt(low * high)
        p = others * np.exp(-precision * np.maximum(squares - nearest, 0))
        p /= np.maximum(p.sum(axis=1, keepdims=True), 1e-12)
        entropy = -np.sum(p * np.log(np.maximum(p, 1e-30)), axis=1, keepdims=True)
        flat = entropy > np.log(perplexity)
        low, high = np.where(flat, precision, low), np.where(flat, high, precision)
    return np.maximum((p + p.T) / (2 * len(p)), 1e-12)


def layout(vectors, perplexity=12, steps=600):
    """Places vectors on a plane, by t-SNE

    Parameters
    ----------
    vectors : NumPy array, shape ``(num_points, dim)``
        What to place. Only directions count.
    perplexity : float
        About how many neighbours each point has.
    steps : int
        Steps of gradient descent.

    Returns
    -------
    NumPy array, shape ``(num_points, 2)``
        The same for the same vectors: it starts from principal components.
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    x = vectors.astype("float64") / np.maximum(lengths, 1e-12)
    x -= x.mean(axis=0)
    squares = np.sum((x[:, None] - x[None]) ** 2, axis=2)
    p = _probabilities(squares, max(1, min(perplexity, (len(x) - 1) / 3)))
    u, s, _ = np.linalg.svd(x, full_matrices=False)
    y = np.zeros((len(x), 2))
    y[:, : len(s)] = u[:, :2] * s[:2]
    y *= 1e-4 / max(y.std(), 1e-12)
    velocity = np.zeros_like(y)
    for step in range(steps):
        exaggeration, momentum = (12, 0.5) if step < 150 else (1, 0.8)
        closeness = 1 / (1 + np.sum((y[:, None] - y[None]) ** 2, axis=2))
        np.fill_diagonal(closeness, 0)
        q = np.maximum(closeness / max(closeness.sum(), 1e-12), 1e-12)
        force = (exaggeration * p - q) * closeness
        gradient = 4 * (force.sum(axis=1, keepdims=True) * y - force @ y)
        velocity = momentum * velocity - len(x) / 4 * gradient
        y = y + velocity
    return y - y.mean(axis=0)


def draw(words, sizes, places, path):
    """Writes the map as a PNG

    Parameters
    ----------
    words : list of str
        The labels, the most important first: those win where room is scarce.
    sizes : sequence of float
        In [0, 1]: how large each is written.
    places : NumPy array, shape ``(num_words, 2)``
        Where.
    path : str
        The file.
    """
    # Without pyplot, which might look for a screen.
    figure = Figure(figsize=(14, 10), dpi=110)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.scatter(*places.T, s=6, color="0.75", linewidths=0)
    axes.margins(0.06)
    axes.set_axis_off()
    figure.tight_layout()
    figure.canvas.draw()  # settles the limits of the axes
    renderer = figure.canvas.get_renderer()
    taken = np.empty((0, 4))
    centred = dict(ha="center", va="center", parse_math=False)
    for word, size, place in zip(words, sizes, axes.transData.transform(places)):
        look = dict(fontsize=8 + 9 * size, color=colormaps["viridis"](0.7 - 0.7 * size))
        label = figure.text(0, 0, word, **look, **centred)
        extent = label.get_window_extent(renderer)
        half = np.array([extent.width, extent.height]) / 2 + 1
        for spot in SPOTS:
            middle = place + np.array(spot) * half
            box = np.concatenate([middle - half, middle + half])
            apart = (box[:2] >= taken[:, 2:]) | (box[2:] <= taken[:, :2])
            if apart.any(axis=1).all():
                label.set_position(figure.transFigure.inverted().transform(middle))
                taken = np.vstack([taken, box])
                break
        else:
            label.remove()
    figure.savefig(path, format="png", facecolor="white")
