"""Finds the line of a program that made an expression"""

import os

import lasagne
import theano

__all__ = ["is_made_by_grad", "source_line"]


def _folder(module_file):
    return os.path.join(os.path.dirname(os.path.abspath(module_file)), "")


_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


# Theano's gradients are made by a line of Theano's, which helps nobody.
_THEANO = _folder(theano.__file__)
_GRADIENT = os.path.abspath(theano.gradient.__file__)
_LIBRARIES = (_THEANO, _folder(lasagne.__file__), os.path.join(_OURS, ""))


def source_line(variable, libraries_too=False):
    """Returns the user's line that made an expression

    Parameters
    ----------
    variable : Theano variable
    libraries_too : bool
        Whether a line of Lasagne or of this package will do where no line of the
        user's is known.

    Returns
    -------
    tuple of (str, int, str) or None
        File, line number and the text of the line; None if no line is known.
    """
    frames = [f for trace in getattr(variable.tag, "trace", ()) for f in trace]
    users = [f for f in frames if not f[0].startswith(_LIBRARIES)]
    if not users and libraries_too:
        users = [f for f in frames if not f[0].startswith(_THEANO)]
    if not users:
        return None
    filename, number, _, text = users[-1]
    return filename, number, text


def is_made_by_grad(variable):
    """Tells whether an expression was made by differentiating others

    Parameters
    ----------
    variable : Theano variable

    Returns
    -------
    bool
        False for what a program wrote itself.
    """
    frames = [f for trace in getattr(variable.tag, "trace", ()) for f in trace]
    return any(f[0] == _GRADIENT for f in frames)
