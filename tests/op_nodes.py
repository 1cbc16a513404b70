"""One node of each Op of ours, as programs have them"""

import importlib
import inspect
import pkgutil

import lasagne_sparse.ops
import numpy as np
import theano
import theano.tensor as T
from devices import ON_GPU, on_host
from modes import compiling_with
from lasagne_sparse import updates
from lasagne_sparse.ops import Gather, SegmentSum, UniqueRows
from lasagne_sparse.ops.indexing.bag_sum import BagSum
from lasagne_sparse.ops.indexing.row_numbers import RowNumbers
from lasagne_sparse.ops.rows.row_map import RowMap
from lasagne_sparse.ops.rows.row_update import RowUpdate
from lasagne_sparse.ops.sampling.draw import Draw
from lasagne_sparse.ops.total import Total

__all__ = ["nodes", "op_classes", "versions"]


def op_classes():
    """Finds all classes of Ops that our modules define, their bases among them"""
    found = set()
    prefix = lasagne_sparse.ops.__name__ + "."
    for module in pkgutil.walk_packages(lasagne_sparse.ops.__path__, prefix):
        if ".gpu" in module.name and not ON_GPU:
            continue
        for _, value in inspect.getmembers(importlib.import_module(module.name)):
            if inspect.isclass(value) and issubclass(value, theano.gof.Op):
                found.add(value)
    return {c for c in found if c.__module__.startswith(prefix)}


def nodes():
    """Returns {class: node}"""
    table, values = T.fmatrix("table"), T.fmatrix("values")
    indices, order, offsets = T.ivector("indices"), T.lvector(), T.lvector()
    made = [
        Gather("W")(table, indices),
        UniqueRows("W")(indices, 5)[0],
        RowNumbers("W")(indices, 5),
        SegmentSum()(order, offsets, values),
        BagSum()(table, indices, order, 2),
        Total()(values),
        Draw("uniform", True)(T.lvector("state"), 3, 5, 5)[0],
    ]
    found = [variable.owner for variable in made]
    found += compiled(ON_GPU)
    if ON_GPU:
        from lasagne_sparse.ops.gpu import GpuSegmentSum

        found.append(GpuSegmentSum()(order, offsets, values).owner)
    return {type(node.op): node for node in found}


def compiled(on_gpu):
    """Compiles a step, returns the nodes of row programs that rewrites made in it"""
    nodes = []
    with on_host():
        nodes += _step()
    if on_gpu:
        nodes += _step()
    return [n for n in nodes if isinstance(n.op, (RowMap, RowUpdate))]


def _step():
    U, V = [
        theano.shared(np.ones((n, 3), "float32"), name)
        for n, name in ((5, "U"), (7, "V"))
    ]
    users, items = T.ivectors("users", "items")
    loss = T.sqr(T.sum(U[users] * V[items], axis=1) - 1).sum()
    with compiling_with(optimizer="fast_run", linker="py"):
        step = theano.function(
            [users, items],
            loss,
            updates=updates.adagrad(loss, [U, V], learning_rate=0.1),
        )
    return step.maker.fgraph.toposort()


def versions():
    """Returns {name of a class: version of its node}"""
    return {
        op_class.__name__: node.op.c_code_cache_version_apply(node)
        for op_class, node in nodes().items()
    }


if __name__ == "__main__":
    print(sorted(versions().items()))
