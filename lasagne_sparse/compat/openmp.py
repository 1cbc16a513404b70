"""Lets OpenMP's threads sleep between parallel loops

Of every version of GCC's libgomp. After a parallel loop its threads spin, on the very
cores that OpenBLAS's own threads need for the next matrix product: on two busy cores
that product then takes 8 ms instead of 0.3.
"""

import os

from .records import Mend, Trouble, mends, troubles

__all__ = ["WAITING", "let_threads_sleep"]

#: How GNU's OpenMP threads are told to sleep until their next parallel loop.
WAITING = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"}


def let_threads_sleep():
    """Says so in the environment, unless the user has said what they shall do

    libgomp reads its environment once, when it is loaded: where it was loaded before,
    that is a trouble.
    """
    if any(name in os.environ for name in WAITING):
        return
    settings = " ".join("=".join(item) for item in WAITING.items())
    if _libgomp_is_loaded():
        troubles.append(
            Trouble(
                "OpenMP was loaded before lasagne_sparse: its threads spin between "
                "loops and take the cores from BLAS",
                "Import lasagne_sparse before what loads OpenMP, or start Python "
                "by: env %s python ..." % settings,
            )
        )
        return
    os.environ.update(WAITING)
    mends.append(
        Mend(
            "environment: " + settings,
            "OpenMP's threads would spin between loops and take the cores from BLAS",
        )
    )


def _libgomp_is_loaded():
    """Tells whether this process has the system's libgomp already

    Other libraries bring copies under other names (PyTorch has one): those are
    not the one that compiled functions will use. On systems without ``/proc``
    the answer is no.
    """
    try:
        with open("/proc/self/maps") as maps:
            return any("/libgomp.so" in line for line in maps)
    except OSError:
        return False
