"""Writes anew what Theano writes with methods of arrays that NumPy dropped

``itemset``, by which DebugMode and Gemm fill an array without axes, went in NumPy 2.0,
``tostring``, by which the printing of graphs makes digests of constants, in 2.3.
"""

import numpy as np

from .after_import import with_edited_source
from .records import Mend, mends

__all__ = ["METHODS", "write_methods_anew"]

#: Method, the module that calls it, the call, what is written in its place.
METHODS = [
    (
        "itemset",
        "theano.compile.debugmode",
        "storage_map[r][0].itemset(dr_vals[r][0])",
        "storage_map[r][0][()] = dr_vals[r][0]",
    ),
    (
        "itemset",
        "theano.tensor.blas",
        "z.itemset(z * a + b * np.dot(x, y))",
        "z[()] = z * a + b * np.dot(x, y)",
    ),
    ("tostring", "theano.printing", "x.tostring()", "x.tobytes()"),
]


def write_methods_anew():
    """Edits the modules of `METHODS` whose method NumPy's arrays lack"""
    for method, module, call, instead in METHODS:
        if not hasattr(np.ndarray, method):
            with_edited_source(module, [(call, instead)])
            mends.append(
                Mend(
                    "%s: %s" % (module, method),
                    "NumPy dropped the method ndarray.%s, which it calls" % method,
                )
            )
