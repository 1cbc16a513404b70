"""Walks graphs, each variable once

Nothing here recurses: graphs of unrolled recurrences are deeper than Python's stack.
"""

from collections import deque

__all__ = ["evaluate", "walk"]


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


def evaluate(item, parts, combine, known):
    """Computes something of an item from the same of its parts, each once

    * ``known[item] := combine(item, [known[part] for part in parts(item)])``

    Parameters
    ----------
    item : hashable
        For example a variable, or a pair of a variable and an axis.
    parts : callable
        ``parts(item)`` lists the items that this one is computed from, upstream of
        it; None among them has the value None.
    combine : callable
        ``combine(item, values)`` computes it.
    known : mutable mapping
        What was computed before; all that is computed now is added.

    Returns
    -------
    object
        ``known[item]``
    """
    stack = [(item, None)]
    while stack:
        item, needed = stack.pop()
        if item in known:
            continue
        if needed is None:
            needed = list(parts(item))
            waiting = [p for p in needed if p is not None and p not in known]
            if waiting:
                stack.append((item, needed))
                stack.extend((part, None) for part in waiting)
                continue
        known[item] = combine(item, [p if p is None else known[p] for p in needed])
    return known[item]
