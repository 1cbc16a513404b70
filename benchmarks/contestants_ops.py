"""Where does our step spend its time? The ops of one function, by Theano's profile.

Each contestant runs the whole training function of `contestants_theano.ours` and
counts the nodes of one kind only: `unique` finds the distinct rows, `gather` looks
them up, `update` writes them, `other` is every node else (in the *step* workload: the
loss and its gradient). `whole` counts the call as it is, Python included.
"""

import lasagne_sparse  # first: mends what Theano and Lasagne need
import numpy as np
from contestants_theano import build, find_rule
from workloads import Workload

__all__ = ["CONTESTANTS", "NodeClock", "kind_of"]

KINDS = {
    "UniqueRows": "unique",
    "Gather": "gather",
    "AdvancedSubtensor1": "gather",
    "AdvancedSubtensor": "gather",
    "RowUpdate": "update",
    "SegmentSum": "update",
    "AdvancedIncSubtensor1": "update",
    "AdvancedIncSubtensor": "update",
}


def kind_of(node):
    """``'unique'``, ``'gather'``, ``'update'`` or ``'other'``"""
    return KINDS.get(type(node.op).__name__, "other")


class NodeClock:
    """Seconds of a profiled function's last call in the nodes that are wanted

    Parameters
    ----------
    function : theano function
        Compiled with ``profile=True``.
    wanted : function
        Whether a node counts.
    """

    def __init__(self, function, wanted):
        self.function = function
        self.wanted = wanted
        self.total = 0.0
        self.last = 0.0

    def read(self):
        """Reads the profile; to be called after each call"""
        total = sum(
            seconds
            for node, seconds in self.function.profile.apply_time.items()
            if self.wanted(node)
        )
        self.last, self.total = total - self.total, total


def of_kind(kind):
    """The maker of a contestant that counts the nodes of one kind"""

    def make(workload, batches):
        workload = Workload(*workload)
        rule = find_rule(lasagne_sparse.updates, workload.rule)
        function, _ = build(workload, rule, profile=kind != "whole")
        batches = list(np.load(batches))
        if kind == "whole":
            return lambda number: function(batches[number % len(batches)])
        clock = NodeClock(function, lambda node: kind_of(node) == kind)

        def step(number):
            function(batches[number % len(batches)])
            clock.read()

        return step, lambda: clock.last

    return make


CONTESTANTS = {
    kind: of_kind(kind) for kind in ("whole", "unique", "gather", "update", "other")
}
