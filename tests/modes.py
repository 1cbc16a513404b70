"""Compiles under other flags than those of the run, and leaves no trace of them"""

import contextlib

import theano
from theano.compile import mode

__all__ = ["compiling_with"]


@contextlib.contextmanager
def compiling_with(**flags):
    """``change_flags``, for flags that the default mode is made of too

    Theano makes its default mode once, of the flags of that moment: later ones are
    not asked for, and a mode that was made under flags that are gone goes on.

    Parameters
    ----------
    flags : object
        As for ``theano.configparser.change_flags``: ``linker="py"``.
    """
    before, mode.instantiated_default_mode = mode.instantiated_default_mode, None
    try:
        with theano.configparser.change_flags(**flags):
            yield
    finally:
        mode.instantiated_default_mode = before
