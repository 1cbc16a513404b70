"""Cuts a text into blocks of tokens, each with its noise, for skip-gram

A pair of words at a time, skip-gram looks up some seven vectors for one pair.
A block of consecutive tokens is looked up once instead, and one matrix product
holds all its pairs: those that a window admits count, and the others have
weight zero. The noise words ("negative samples") are shared by a block: more
columns of the same product.

The weights of a row of that product follow from the token's place in its block
and from how far its window reaches to either side, so that they are looked up
too, in a table made once.
"""

from typing import NamedTuple

import numpy as np

__all__ = ["Batch", "Sampler", "keep_probabilities", "weight_table", "width_for"]

PIECE = 2**20  # tokens whose batches are drawn at a time


class Batch(NamedTuple):
    """What one training step reads

    Attributes
    ----------
    tokens : NumPy array, shape ``(num_blocks, width)``, int32
        The text.
    targets : NumPy array, shape ``(num_blocks, width + num_noise)``, int32
        The same tokens, then the block's noise words.
    reaches : NumPy array, shape ``(num_blocks, width)``, int32
        The row of :func:`weight_table` for each token.
    length : float
        The words of the text that this batch stands for, those too rare and
        those thinned out included.
    """

    tokens: np.ndarray
    targets: np.ndarray
    reaches: np.ndarray
    length: float

    @property
    def inputs(self):
        """What the network reads"""
        return self[:3]


def width_for(window):
    """Chooses how many tokens make a block

    Pairs across the border of two blocks are lost, so that a block should be
    wider than a window; products outside of windows are computed for nothing,
    so that it should not be much wider.

    Parameters
    ----------
    window : int
        The furthest that a window reaches to one side.

    Returns
    -------
    int
    """
    return max(32, 6 * window)


def keep_probabilities(counts, subsample):
    """Computes how likely an occurrence of each word is to be kept

    * ``f := counts / sum(counts)``
    * ``p := min(1, sqrt(subsample / f) + subsample / f)``

    Parameters
    ----------
    counts : NumPy array, shape ``(num_words,)``
        How often each word occurs.
    subsample : float
        The frequency above which words are thinned out; 0 keeps all.

    Returns
    -------
    NumPy array, shape ``(num_words,)``

    References
    ----------
    .. [1] Mikolov, T., Sutskever, I., Chen, K., Corrado, G., Dean, J. (2013):
           Distributed Representations of Words and Phrases and their
           Compositionality. NIPS, section 2.3. The authors' program, followed
           here, adds the second term to equation 5.
    """
    if not subsample:
        return np.ones(len(counts))
    ratio = subsample * counts.sum() / counts
    return np.minimum(1, np.sqrt(ratio) + ratio)


def weight_table(window, negative, num_noise):
    """Tabulates the weights of the products of a token with its block

    A token at place ``i`` whose window reaches ``left`` words back and ``right``
    words on has ``left + right`` pairs. Its row, number
    ``(i * (window + 1) + left) * (window + 1) + right``, is

    * ``-1`` at the places in the window, except ``i`` itself;
    * ``negative * pairs / num_noise`` at the noise words: as much in all as if
      each pair had `negative` noise words of its own.

    The sign says whether the product adds to the loss or takes from it.

    Parameters
    ----------
    window : int
        The furthest that a window reaches to one side.
    negative : float
        Noise words per pair.
    num_noise : int
        Noise words per block.

    Returns
    -------
    NumPy array, float32
        Shape ``(width * (window + 1) ** 2, width + num_noise)``.
    """
    width = width_for(window)
    place = np.arange(width)
    i, left, right, j = np.ix_(place, range(window + 1), range(window + 1), place)
    inside = (i - left <= j) & (j <= i + right) & (i != j)
    table = np.empty(inside.shape[:3] + (width + num_noise,), dtype="float32")
    table[..., :width] = np.where(inside, -1, 0)
    pairs = inside.sum(axis=3, keepdims=True)
    table[..., width:] = negative * pairs / num_noise
    return table.reshape(-1, width + num_noise)


class Sampler:
    """Draws the batches of an epoch

    Words are subsampled, windows get a random size, noise words are drawn by
    their count to the power 3/4, and blocks come in random order: all of it
    ahead, for a million tokens at a time.

    Parameters
    ----------
    corpus : text.Corpus
        The text.
    window : int
        The furthest that a window reaches to one side.
    subsample : float
        See :func:`keep_probabilities`.
    num_noise : int
        Noise words per block.
    num_blocks : int
        Blocks per batch.
    rng : numpy.random.RandomState
        What all is drawn from.
    """

    def __init__(self, corpus, window, subsample, num_noise, num_blocks, rng):
        self.corpus, self.window, self.rng = corpus, window, rng
        self.width = width_for(window)
        self.num_noise, self.num_blocks = num_noise, num_blocks
        self.keep = keep_probabilities(corpus.counts, subsample).astype("float32")
        noise = np.cumsum(corpus.counts**0.75)
        self.noise = noise / noise[-1]

    def epoch(self):
        """Draws one epoch

        Yields
        ------
        Batch
        """
        for start in range(0, len(self.corpus.tokens), PIECE):
            yield from self._piece(slice(start, start + PIECE))

    def _piece(self, piece):
        tokens, sentences = self.corpus.tokens[piece], self.corpus.sentences[piece]
        length = len(tokens) / len(self.corpus.tokens) * self.corpus.length
        draws = self.rng.random_sample(len(tokens)).astype("float32")
        kept = draws < self.keep[tokens]
        if not kept.any():
            return
        tokens, reaches = self._in_blocks(tokens[kept], self._reaches(sentences[kept]))
        order = self.rng.permutation(len(tokens))
        tokens, reaches = tokens[order], reaches[order]
        targets = np.concatenate([tokens, self._noise(len(tokens))], axis=1)
        cuts = range(0, len(tokens), self.num_blocks)
        for batch in [slice(cut, cut + self.num_blocks) for cut in cuts]:
            share = length / len(cuts)
            yield Batch(tokens[batch], targets[batch], reaches[batch], share)

    def _noise(self, num_blocks):
        draws = self.rng.random_sample((num_blocks, self.num_noise))
        return np.searchsorted(self.noise, draws, side="right").astype("int32")

    def _reaches(self, sentences):
        """Numbers each token's row of the table of weights"""
        num_tokens = len(sentences)
        places = np.arange(num_tokens)
        # A window ends with its sentence. (That it ends with its block, the table
        # of weights sees to.)
        first = np.ones(num_tokens, dtype=bool)
        first[1:] = sentences[1:] != sentences[:-1]
        starts = np.flatnonzero(first)
        ends = np.append(starts[1:], num_tokens)
        sizes = ends - starts
        windows = self.rng.randint(1, self.window + 1, num_tokens)
        left = np.minimum(windows, places - np.repeat(starts, sizes))
        right = np.minimum(windows, np.repeat(ends, sizes) - 1 - places)
        side = self.window + 1
        return (((places % self.width) * side + left) * side + right).astype("int32")

    def _in_blocks(self, tokens, reaches):
        # The last block is filled up with its last token, at the head of the
        # table of weights, where the row of a token without a window is.
        missing = -len(tokens) % self.width
        if missing:
            tokens = np.append(tokens, np.repeat(tokens[-1], missing))
            reaches = np.append(reaches, np.zeros(missing, dtype=reaches.dtype))
        return tokens.reshape(-1, self.width), reaches.reshape(-1, self.width)
