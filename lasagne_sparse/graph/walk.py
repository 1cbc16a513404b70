"""Walks graphs, each variable once"""

from collections import deque

__all__ = ["walk"]


def walk(variable, onward):
    """Walks from a variable up its graph, the nearest first, to each variable once

    Parameters
    ----------
    variable : Theano variable
    onward : callable
        ``onward(node)`` gives those inputs of a node that the walk goes on to.

    Yields
    ------
    Theano variable
        `variable` first.
    """
    queue, seen = deque([variable]), {variable}
    while queue:
        variable = queue.popleft()
        yield variable
        if variable.owner is not None:
            new = [i for i in onward(variable.owner) if i not in seen]
            seen.update(new)
            queue.extend(dict.fromkeys(new))
