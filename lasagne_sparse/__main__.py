"""Prints a report on the stack below the library: ``python -m lasagne_sparse``"""

import sys

from .inspection.report import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
