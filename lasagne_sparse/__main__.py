"""Prints a report on the stack below the library: ``python -m lasagne_sparse``

``python -m lasagne_sparse warm`` compiles what the rules need: see
:mod:`lasagne_sparse.warm`.
"""

import sys

from . import warm
from .inspection import report

__all__ = ["main"]


def main(arguments):
    """Does what the command line asks for

    Parameters
    ----------
    arguments : list of str

    Returns
    -------
    int
        The exit code.
    """
    if arguments[:1] == ["warm"]:
        return warm.main(arguments[1:])
    if arguments:
        print("python -m lasagne_sparse takes no argument but: warm", file=sys.stderr)
        return 2
    return report.main()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
