"""Finds the line of a program that made an expression"""

import os

import lasagne
import theano

__all__ = ["source_line"]

# Theano's gradients are made by a line of Theano's, which helps nobody.
_LIBRARIES = tuple(
    os.path.join(os.path.dirname(os.path.abspath(path)), "")
    for path in (theano.__file__, lasagne.__file__, __file__)
)


def source_line(variable, libraries_too=False):
    """Returns the user's line that made an expression

    Parameters
    ----------
    variable : Theano variable
    libraries_too : bool
        Whether a line of Theano, Lasagne or this package will do where no line of
        the user's is known.

    Returns
    -------
    tuple of (str, int, str) or None
        File, line number and the text of the line; None if no line is known.
    """
    frames = [f for trace in getattr(variable.tag, "trace", ()) for f in trace]
    users = [f for f in frames if not f[0].startswith(_LIBRARIES)]
    if not users and libraries_too:
        users = frames
    if not users:
        return None
    filename, number, _, text = users[-1]
    return filename, number, text
