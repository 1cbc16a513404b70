"""Does without scan's C extension where it does not compile: on Python 3.11 and later

Its text, made by an older Cython, includes ``longintrepr.h``, which Python 3.11 moved.
"""

import sys

from .records import Mend, mends

__all__ = ["SCAN_EXTENSION", "do_without_extension"]

SCAN_EXTENSION = "theano.scan_module.scan_perform_ext"


def do_without_extension():
    """Lets Theano's scan take its path in Python, before it asks for the extension"""
    if sys.version_info < (3, 11) or SCAN_EXTENSION in sys.modules:
        return
    # An entry of None makes the import raise ImportError, upon which Theano's
    # scan takes its path in Python.
    sys.modules[SCAN_EXTENSION] = None
    mends.append(
        Mend(
            SCAN_EXTENSION + " left out",
            "its C does not compile on Python 3.11; scan has a path in Python",
        )
    )
