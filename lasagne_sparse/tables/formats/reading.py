"""Reads vectors of any of the formats, and puts them into a table"""

import os
from collections import namedtuple

import numpy as np

from ..errors import FileError
from ..files import reporting
from ..texts import unpacked
from .binary import read_binary
from .gensim_vectors import of_keyed_vectors
from .npy import read_npy, read_words
from .safetensors_file import read_safetensors
from .text import has_header, read_text
from .writing import format_of

__all__ = ["Filled", "Vectors", "load_into", "read_vectors"]

Vectors = namedtuple("Vectors", "words vectors")
Vectors.__doc__ = """Words, and a matrix with a row for each"""

Filled = namedtuple("Filled", "found missing unused")
Filled.__doc__ = (
    """Words that got a vector, words that got none, how many more there are"""
)


def read_vectors(path, format=None, wanted=None):
    """Reads word vectors from a file

    Parameters
    ----------
    path : str, or gensim's KeyedVectors
    format : str, optional
        See :mod:`lasagne_sparse.tables.formats`. If left out, it is told by the ending
        of `path`, and text without a line of counts is ``glove``.
    wanted : collection of str, optional
        Only these words are kept.

    Returns
    -------
    Vectors
        ``words``, a list, and ``vectors``, a matrix.

    Raises
    ------
    FileError
        If the file is cut, altered or of another format, or a word is there twice. The
        message names the line. No more memory is taken than the file's length tells of.
    ValueError
        If there is no such format.
    ImportError
        If the format needs a package that is not installed.
    """
    return _read(path, format, wanted)[0]


def _read(path, format, wanted):
    """Returns the vectors that are wanted, and how many there are."""
    words, blocks, seen = [], [], {}
    for some, vectors, where in _blocks(path, format):
        chosen = []
        for row, word in enumerate(some):
            if seen.setdefault(word, where[row]) != where[row]:
                raise FileError(
                    "%s, %s: the word %r is there already: %s"
                    % (path, where[row], word, seen[word])
                )
            if wanted is None or word in wanted:
                chosen.append(row)
        words += [some[row] for row in chosen]
        blocks.append(vectors[chosen] if len(chosen) < len(some) else vectors)
    if not seen:
        raise FileError("%s holds no vectors" % (path,))
    return Vectors(words, np.concatenate(blocks)), len(seen)


def _blocks(path, format):
    if not isinstance(path, (str, os.PathLike)):
        words, vectors = of_keyed_vectors(path)
        return [(words, vectors, ["vector %d" % k for k in range(1, len(words) + 1)])]
    path = os.fspath(path)
    format = format_of(path, format)
    with reporting("read", path):
        if format == "safetensors":
            words, vectors = _of_safetensors(path)
        elif format == "npy":
            words, vectors = read_words(path + ".words"), read_npy(path)
        else:
            return _reported(path, format)
    if vectors.ndim != 2 or len(words) != len(vectors) or vectors.dtype.kind != "f":
        raise FileError(
            "%s: expected a matrix of floats with a row for each of %d words, got %s "
            "of shape %s" % (path, len(words), vectors.dtype, vectors.shape)
        )
    if not np.isfinite(vectors).all():
        raise FileError("%s: a number is not finite" % path)
    return [(words, vectors, ["word %d" % k for k in range(1, len(words) + 1)])]


def _reported(path, format):
    with reporting("read", path):
        if format == "word2vec-bin":
            yield from read_binary(path)
        else:
            header = format == "word2vec" and has_header(path)
            yield from read_text(path, header)


def _of_safetensors(path):
    arrays = read_safetensors(path)
    if not {"vectors", "words", "lengths"} <= set(arrays):
        raise FileError(
            "%s: expected arrays vectors, words and lengths, as write_vectors makes "
            "them, got %s: see read_safetensors" % (path, ", ".join(sorted(arrays)))
        )
    words = unpacked([arrays["words"].reshape(-1), arrays["lengths"]], "text")
    return words.tolist(), arrays["vectors"]


def load_into(table, source, vocabulary, format=None, missing=None):
    """Puts word vectors from a file into the rows of a table

    Parameters
    ----------
    table : shared variable, or layer that has one as its ``W``
    source : str, or gensim's KeyedVectors
        The path of a file.
    vocabulary : sequence of str, dict from str to int, or KeyMap of texts
        Which row each word has; in a sequence, that of its place.
    format : str, optional
        As for :func:`read_vectors`.
    missing : callable, optional
        ``missing(shape)`` gives the rows of words that the file does not have: one of
        Lasagne's initializers. If left out, they stay as they are.

    Returns
    -------
    Filled
        ``found`` and ``missing``, lists of words, and ``unused``, how many words of
        the file are not in the vocabulary.

    Raises
    ------
    FileError
        As for :func:`read_vectors`, and if the vectors are of another length than the
        table's rows. The table is not changed then.
    ValueError
        If the vocabulary is not one of this table. Nothing is changed then.
    """
    table = getattr(table, "W", table)
    value = table.get_value()
    rows = _rows_of(vocabulary, len(value))
    (found, vectors), number = _read(source, format, rows)
    if vectors.shape[1] != value.shape[1]:
        raise FileError(
            "%s has vectors of %d numbers, and the table's rows have %d"
            % (source, vectors.shape[1], value.shape[1])
        )
    absent = list(rows.keys() - set(found)) if len(found) < len(rows) else []
    absent.sort(key=rows.get)
    value[[rows[word] for word in found]] = vectors
    if missing is not None and absent:
        drawn = np.asarray(missing((len(absent), value.shape[1])))
        value[[rows[word] for word in absent]] = drawn
    table.set_value(value, borrow=True)
    return Filled(found, absent, number - len(found))


def _rows_of(vocabulary, num_rows):
    """Returns {word: row}."""
    if hasattr(vocabulary, "items") and hasattr(vocabulary, "lookup"):  # a KeyMap
        words, places = vocabulary.items()
        pairs = list(zip(words.tolist(), places.tolist()))
    elif hasattr(vocabulary, "items"):
        pairs = list(vocabulary.items())
    else:
        pairs = [(word, row) for row, word in enumerate(vocabulary)]
    rows = dict(pairs)
    if len(rows) != len(pairs):
        raise ValueError("a word is in the vocabulary twice")
    for word, row in pairs:
        if not 0 <= row < num_rows:
            raise ValueError(
                "the vocabulary has row %d for %r, and the table has %d rows"
                % (row, word, num_rows)
            )
    return rows
