"""Graphs as text, so that a test can say which graph it wants"""

import theano
from theano.tensor.elemwise import Elemwise

__all__ = ["compile_to_python", "text_of"]


def compile_to_python(inputs, outputs, excluding=(), **kwargs):
    """Compiles with all rewrites but none of Theano's C, which takes longer"""
    mode = theano.Mode(linker="py", optimizer="fast_run").excluding(*excluding)
    return theano.function(inputs, outputs, mode=mode, **kwargs)


def text_of(variable):
    """Writes an output of a compiled function as calls of Ops by their names

    For example ``SegmentSum(UniqueRows.2(x, Shape_i(W)), UniqueRows.3(x, ...), g)``.
    """
    node = variable.owner
    if node is None:
        if variable.name:
            return variable.name
        data = getattr(variable, "data", None)
        return "?" if data is None else str(data).strip("[]")
    if isinstance(node.op, Elemwise):
        name = str(node.op.scalar_op)
    else:
        name = type(node.op).__name__
        if hasattr(node.op, "table"):
            name += "{%s}" % node.op.table
        if hasattr(node.op, "tables"):
            name += "{%s}" % ", ".join(map(str, node.op.tables))
    if len(node.outputs) > 1:
        name += ".%d" % node.outputs.index(variable)
    return "%s(%s)" % (name, ", ".join(text_of(i) for i in node.inputs))
