"""Folds constants that are only moved in Python, without compiling C for it

Theano 1.0 computes what is made of constants alone while it rewrites a graph, each node
by C that is compiled for it, one after the other: so a first compile begins with one of
``DimShuffle`` for a learning rate, and one of ``ScalarFromTensor``. Nodes that reshape,
select or broadcast, and compute nothing, are folded by NumPy to the same bits. Theano
asks an Op for that itself; few of its Ops say so.
"""

from .fast_compile import compiles_fast

__all__ = ["mend"]


def mend(theano):
    """Has such Ops say that they are folded in Python

    Parameters
    ----------
    theano : module

    Returns
    -------
    name, why : str
    """
    from theano import tensor as T

    moving = (
        T.DimShuffle,
        T.Rebroadcast,
        T.Reshape,
        T.Subtensor,
        T.basic.ScalarFromTensor,
        T.basic.TensorFromScalar,
    )

    def python_constant_folding(self, node):
        # Not what is derived of them: a GPU's Ops have no Python.
        return type(self) in moving and compiles_fast(theano)

    for op_class in moving:
        if not hasattr(op_class, "python_constant_folding"):
            op_class.python_constant_folding = python_constant_folding
    return (
        "theano.tensor: constants that are only moved are folded in Python",
        "a module was compiled for each kind of them, one after the other",
    )
