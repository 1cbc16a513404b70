"""Writes vectors in any of the formats, all of a file or nothing"""

import numpy as np

from ..files import whole_file
from ..store.arrays import ArrayRows, row_blocks
from ..texts import packed
from .binary import write_binary
from .npy import write_npy
from .safetensors_file import write_safetensors
from .text import write_text

__all__ = ["blocks_of", "checked_words", "format_of", "write_vectors"]

_ENDINGS = {
    "txt": "word2vec",
    "vec": "word2vec",
    "bin": "word2vec-bin",
    "npy": "npy",
    "safetensors": "safetensors",
}
FORMATS = ("word2vec", "word2vec-bin", "glove", "npy", "safetensors")


def format_of(path, format=None):
    """Returns the name of a format, by the ending of a file if it is not given

    Parameters
    ----------
    path : str
    format : str, optional

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If there is no such format, or the ending tells of none.
    """
    if format is None:
        format = _ENDINGS.get(path.rpartition(".")[2].lower())
    if format not in FORMATS:
        raise ValueError(
            "format must be one of %s, got %r, and the ending of %s tells of none"
            % (", ".join(FORMATS), format, path)
        )
    return format


def checked_words(words, count, forbidden):
    """Looks whether words can be written

    Parameters
    ----------
    words : iterable of str
    count : int
        How many there are to be.
    forbidden : str
        Characters that none may have. If there are any, none may be empty either.

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        If there are more or fewer, one is there twice, or cannot be written.
    """
    words = list(words)
    if len(words) != count:
        raise ValueError("there are %d words for %d vectors" % (len(words), count))
    seen = {}
    for row, word in enumerate(words):
        if not isinstance(word, str):
            raise ValueError("word %d must be a text, got %r" % (row, word))
        if seen.setdefault(word, row) != row:
            raise ValueError("word %r is there twice: %d, %d" % (word, seen[word], row))
        try:
            word.encode("utf-8")
        except UnicodeEncodeError:
            raise ValueError("word %d, %a, is no text" % (row, word)) from None
        if forbidden and (not word or any(c in word for c in forbidden)):
            raise ValueError(
                "word %d, %r, cannot be written in this format: it is empty, or has a "
                "blank or a line's end in it" % (row, word)
            )
    return words


def blocks_of(vectors):
    """Takes a matrix to pieces

    Parameters
    ----------
    vectors : numpy.ndarray or shared variable

    Returns
    -------
    count, dim : int
    dtype : numpy.dtype
    blocks : generator of numpy.ndarray
        Some rows at a time; those of a table on a device travel then.

    Raises
    ------
    ValueError
        If it is no matrix.
    """
    if hasattr(vectors, "get_value"):
        vectors = vectors.get_value(borrow=True, return_internal_type=True)
    elif not hasattr(vectors, "dtype"):
        vectors = np.asarray(vectors)
    if vectors.ndim != 2:
        raise ValueError("vectors must be a matrix, got %d axes" % vectors.ndim)
    rows = ArrayRows(vectors)
    blocks = (rows.rows(*piece) for piece in row_blocks(rows.shape, rows.dtype))
    return rows.shape[0], rows.shape[1], rows.dtype, blocks


def write_vectors(path, words, vectors, format=None):
    """Writes word vectors into a file

    Parameters
    ----------
    path : str
        Its place. With ``npy``, the words go to ``path + '.words'``; with
        ``safetensors`` a digest goes to ``path + '.sha256'``.
    words : sequence of str
    vectors : numpy.ndarray or shared variable, shape ``(num_words, num_units)``
        Text has all digits of it; ``word2vec-bin`` holds float32.
    format : str, optional
        See :mod:`lasagne_sparse.tables.formats`; by the ending of `path` if left out.

    Raises
    ------
    FileError
        If it cannot be written; what was there is as it was.
    ValueError
        If there are not as many words as vectors, a word is there twice, or cannot be
        written in this format. Nothing is written then.
    ImportError
        If the format needs a package that is not installed.

    Examples
    --------
    >>> import os, tempfile
    >>> from lasagne_sparse.tables.formats import read_vectors, write_vectors
    >>> path = os.path.join(tempfile.mkdtemp(), 'v.txt')
    >>> write_vectors(path, ['cat', 'dog'], [[0.5, 1], [0, 2]])
    >>> read_vectors(path).words
    ['cat', 'dog']
    """
    format = format_of(path, format)
    count, dim, dtype, blocks = blocks_of(vectors)
    if dtype.kind != "f":
        raise ValueError("vectors must be of a float dtype, got %s" % dtype)
    # A word in word2vec's binary format ends with a blank.
    forbidden = {"word2vec-bin": " \n", "npy": "\r\n", "safetensors": ""}
    words = checked_words(words, count, forbidden.get(format, " \t\r\n"))
    if format == "safetensors":
        data, lengths = packed(np.array(words, object))
        arrays = {
            "vectors": np.concatenate(list(blocks) or [np.zeros((0, dim), dtype)])
        }
        write_safetensors(path, dict(arrays, words=data, lengths=lengths))
        return
    if format == "npy":
        with whole_file(path + ".words", text=True) as file:
            file.write("".join(word + "\n" for word in words))
            file.flush()
            # Inside, so that neither takes its place without the other.
            with whole_file(path) as matrix:
                write_npy(matrix, blocks, count, dim, dtype)
        return
    with whole_file(path) as file:
        if format == "word2vec-bin":
            write_binary(file, words, blocks, count, dim)
        else:
            header = (count, dim) if format == "word2vec" else None
            write_text(file, words, blocks, header)
