"""Vectors to and from gensim

gensim's own files are pickles, which run code when they are read: load those by gensim,
if you trust them, and pass the object on.
"""

import numpy as np

from .writing import checked_words

__all__ = ["keyed_vectors", "of_keyed_vectors"]


def keyed_vectors(words, vectors):
    """Makes gensim's KeyedVectors

    Parameters
    ----------
    words : sequence of str
    vectors : numpy.ndarray or shared variable, shape ``(num_words, num_units)``

    Returns
    -------
    gensim.models.KeyedVectors
        In the order of `words`.

    Raises
    ------
    ImportError
        If gensim is not installed.
    ValueError
        If a word is there twice, or there are not as many words as vectors.
    """
    try:
        from gensim.models import KeyedVectors
    except ImportError as error:
        raise ImportError("this needs gensim: pip install gensim") from error
    vectors = vectors.get_value() if hasattr(vectors, "get_value") else vectors
    words = checked_words(words, len(vectors), "")
    result = KeyedVectors(vectors.shape[1], count=0, dtype=vectors.dtype)
    result.add_vectors(words, np.asarray(vectors))
    return result


def of_keyed_vectors(source):
    """Returns the words and the vectors of gensim's KeyedVectors

    Parameters
    ----------
    source : gensim.models.KeyedVectors
        Or what has them as its ``wv``.

    Returns
    -------
    words : list of str
    vectors : numpy.ndarray

    Raises
    ------
    TypeError
        If it is something else.
    """
    source = getattr(source, "wv", source)
    if not hasattr(source, "index_to_key") or not hasattr(source, "vectors"):
        raise TypeError(
            "expected the path of a file, or gensim's KeyedVectors, got %s"
            % type(source).__name__
        )
    return list(source.index_to_key), np.asarray(source.vectors)
