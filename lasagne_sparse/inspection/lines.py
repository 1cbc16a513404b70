"""Tells of a node of a compiled function which line of a program made it"""

import os

from ..graph import source_line

__all__ = ["line_of"]


def line_of(node):
    """Returns the line of the program that made a node, as well as it is known

    Parameters
    ----------
    node : Apply node

    Returns
    -------
    str
        File, number and text: ``program.py:22: loss = T.sum(W[x])``. It begins with
        'near' where Theano lost it, and something beside it is told.
    """
    line = _exact_line_of(node)
    if line is not None:
        return line
    # Some rewrites lose it: then one that is near in the graph tells where to look.
    seen, nodes = {node}, [node]
    for one in nodes:
        around = [v.owner for v in one.inputs]
        around += [client for v in one.outputs for client, _ in v.clients]
        for other in around:
            if other is None or other == "output" or other in seen:
                continue
            line = _exact_line_of(other)
            if line is not None:
                return "near " + line
            seen.add(other)
            nodes.append(other)
    return "(no line is known)"


def _exact_line_of(node):
    """Returns the line that made one of a node's outputs, or None."""
    for output in node.outputs:
        found = source_line(output, libraries_too=True)
        if found is not None:
            filename, number, text = found
            return "%s:%d: %s" % (os.path.basename(filename), number, text)
    return None
