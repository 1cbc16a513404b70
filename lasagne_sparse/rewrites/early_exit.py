"""Leaves graphs alone that have nothing for a rewrite, before anything is prepared.

The rewrites are part of every program that imports the library, most of which have no
lookup.
"""

from theano.gof import EquilibriumDB
from theano.gof.opt import Optimizer

__all__ = ["OnlyWith", "OnlyWithDB"]


class OnlyWith(Optimizer):
    """
    lasagne_sparse.rewrites.early_exit.OnlyWith(ops, optimizer)

    Runs an optimizer on graphs that have one of some Ops, and does nothing to others

    Parameters
    ----------
    ops : tuple of classes
        Those that the optimizer looks for.
    optimizer : Optimizer
    """

    def __init__(self, ops, optimizer):
        self.ops, self.optimizer = ops, optimizer

    def apply(self, fgraph):
        if any(isinstance(node.op, self.ops) for node in fgraph.apply_nodes):
            self.optimizer.optimize(fgraph)


class OnlyWithDB(EquilibriumDB):
    """
    lasagne_sparse.rewrites.early_exit.OnlyWithDB(ops)

    A database of rewrites that only graphs with one of some Ops are for

    Parameters
    ----------
    ops : tuple of classes
        Those that the rewrites look for.
    """

    def __init__(self, ops):
        super().__init__()
        self.ops = ops

    def query(self, *tags, **options):
        return OnlyWith(self.ops, super().query(*tags, **options))
