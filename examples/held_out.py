"""Measures word vectors by sentences that they were not learned from

Words that stand close together there should have a larger product (of the
centre vector and the context vector) than words drawn at random.
"""

import numpy as np

__all__ = ["area_under_curve", "held_out_score", "split"]


def split(sentences, share, seed):
    """Keeps some sentences apart

    Parameters
    ----------
    sentences : list
        All of them.
    share : float
        The share to keep apart.
    seed : int
        Of the choice.

    Returns
    -------
    training, held_out : list
        Both in random order.
    """
    order = np.random.RandomState(seed).permutation(len(sentences))
    cut = int(len(sentences) * share)
    return [sentences[i] for i in order[cut:]], [sentences[i] for i in order[:cut]]


def area_under_curve(true, false):
    """Computes how often a true score is larger than a false one

    Parameters
    ----------
    true, false : NumPy vectors
        Scores.

    Returns
    -------
    float
        In [0, 1]: the probability that a `true` score is larger than a `false`
        one, both drawn at random; ties count half.
    """
    false = np.sort(false)
    below = np.searchsorted(false, true, side="left")
    not_above = np.searchsorted(false, true, side="right")
    return float(np.mean(below + not_above) / 2 / len(false))


def held_out_score(centre, context, tokens, sentences, counts, reach=3, seed=0):
    """Tells pairs of a text from random ones

    Parameters
    ----------
    centre, context : NumPy arrays, shape ``(num_words, dim)``
        The vectors to judge.
    tokens, sentences : NumPy vectors, int
        The text that was held out: words that have vectors, and the sentence of
        each.
    counts : NumPy vector, shape ``(num_words,)``
        How often each word occurs in the text that was learned from: a random
        context is drawn by these to the power 3/4.
    reach : int
        Pairs up to so many words apart are true.
    seed : int
        Of the random contexts.

    Returns
    -------
    float
        The area under the curve; 0.5 is chance, 1 perfect.
    """
    pairs = []
    for distance in range(1, reach + 1):
        same = sentences[distance:] == sentences[:-distance]
        first, second = tokens[:-distance][same], tokens[distance:][same]
        pairs += [(first, second), (second, first)]
    centres, contexts = np.concatenate(pairs, axis=1)
    noise = np.cumsum(counts**0.75)
    draws = np.random.RandomState(seed).random_sample(len(centres)) * noise[-1]
    random = np.searchsorted(noise, draws, side="right")
    return area_under_curve(
        _products(centre, context, centres, contexts),
        _products(centre, context, centres, random),
    )


def _products(centre, context, rows, columns):
    return np.einsum("ij,ij->i", centre[rows], context[columns])
