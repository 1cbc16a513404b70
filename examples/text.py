"""Turns text files into numbers: a vocabulary, and each word's place in it"""

import unicodedata
from array import array
from typing import NamedTuple

import numpy as np

__all__ = ["Corpus", "TextError", "encode", "read_lines", "words_of"]


class TextError(ValueError):
    """A text that nothing can be learned from; the message is one line"""


class Corpus(NamedTuple):
    """A text as numbers

    Attributes
    ----------
    words : list of str
        The vocabulary, commonest first; of words as common, the one that came
        first.
    counts : NumPy array, shape ``(num_words,)``, int64
        How often each occurs.
    tokens : NumPy array, shape ``(num_tokens,)``, int32
        The text: the index of each word, without those that are too rare.
    sentences : NumPy array, shape ``(num_tokens,)``, int32
        The number of the sentence of each token, ascending.
    length : int
        The number of words read, the rare ones included.
    """

    words: list
    counts: np.ndarray
    tokens: np.ndarray
    sentences: np.ndarray
    length: int


def read_lines(paths):
    """Reads text files, in UTF-8

    Parameters
    ----------
    paths : list of str
        The files.

    Yields
    ------
    str
        The lines of all files, in order.

    Raises
    ------
    TextError
        If a file cannot be read, is not UTF-8, or holds no word.
    """
    for path in paths:
        empty = True
        try:
            with open(path, encoding="utf-8-sig") as file:
                for line in file:
                    empty = empty and not words_of(line)
                    yield line
        except OSError as error:
            raise TextError("cannot read %s: %s" % (path, error.strerror)) from error
        except UnicodeDecodeError as error:
            raise TextError(
                "%s is not text in UTF-8 (%s): convert it first, as by iconv -t utf-8"
                % (path, error.reason)
            ) from error
        if empty:
            raise TextError("%s holds no words" % path)


def _is_edge(character):
    # Punctuation, symbols and invisible characters; not the vowel signs that
    # end a word in Hindi or Thai, which str.isalnum would take off.
    return unicodedata.category(character)[0] in "PSCZ"


def _trim(token):
    start, stop = 0, len(token)
    while start < stop and _is_edge(token[start]):
        start += 1
    while stop > start and _is_edge(token[stop - 1]):
        stop -= 1
    return token[start:stop].lower()


class _Trimmed(dict):
    """Remembers what is left of each token, since most come again"""

    def __missing__(self, token):
        self[token] = word = _trim(token)
        return word


_trimmed = _Trimmed()


def words_of(line):
    """Splits a sentence into words

    Parameters
    ----------
    line : str
        The sentence.

    Returns
    -------
    list of str
        What white space separates, in lower case, without the punctuation
        before and after it.
    """
    return [word for word in map(_trimmed.__getitem__, line.split()) if word]


def encode(lines, min_count):
    """Builds the vocabulary of a text, and writes the text in its numbers

    Parameters
    ----------
    lines : iterable of str
        A sentence each.
    min_count : int
        Words that occur less often are left out.

    Returns
    -------
    Corpus

    Raises
    ------
    TextError
        If no word is common enough.
    """
    numbers = {}  # of each distinct word, in the order of their coming
    tokens, lengths = array("i"), array("i")
    for line in lines:
        words = words_of(line)
        tokens.extend([numbers.setdefault(word, len(numbers)) for word in words])
        lengths.append(len(words))
    tokens, lengths = np.array(tokens, dtype="int32"), np.array(lengths, dtype="int32")
    counts = np.bincount(tokens, minlength=len(numbers))
    by_count = np.argsort(-counts, kind="stable")
    by_count = by_count[counts[by_count] >= min_count]
    if not len(by_count):
        raise TextError(_why_empty(numbers, counts, min_count))
    places = np.full(len(numbers), -1, dtype="int32")
    places[by_count] = np.arange(len(by_count))
    tokens = places[tokens]
    sentences = np.repeat(np.arange(len(lengths), dtype="int32"), lengths)
    common = tokens >= 0
    words = list(numbers)
    return Corpus(
        [words[number] for number in by_count],
        counts[by_count],
        tokens[common],
        sentences[common],
        len(tokens),
    )


def _why_empty(numbers, counts, min_count):
    if not numbers:
        return "the text holds no words"
    commonest = int(np.argmax(counts))
    return (
        "no word occurs %d times: the commonest, %r, occurs %d times; give more text "
        "or a smaller --min-count"
        % (min_count, list(numbers)[commonest], counts[commonest])
    )
