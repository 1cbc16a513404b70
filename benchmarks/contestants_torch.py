"""The peers: PyTorch's sparse optimizers and FBGEMM's fused tables, on the CPU.

How they are run is what their own documentation shows: ``torch.nn.Embedding`` with
``sparse=True`` and an optimizer that takes sparse gradients; FBGEMM's
``SplitTableBatchedEmbeddingBagsCodegen`` with one table, bags of one index, and the
update fused into the backward pass. Threads come from ``OMP_NUM_THREADS``. In the
*table* workload the output's gradient is given to ``backward``; in the *step*
workload the loss is computed from a target. Both hold tables of the same numbers as
ours, get the same int64 indices, and have made all their state before time is taken.
Their tables lie in memory as their own allocator gets it; the parent runs them a second
time with ``THP_MEM_ALLOC_ENABLE=1``, which makes PyTorch ask the system for huge pages,
as NumPy (and so Theano) does by itself: with random rows of a large table that is worth
a factor of up to 3, and only few of their users know.

FBGEMM has no Adam on the CPU: its row-wise Adagrad, which does less work (one
accumulator a row), stands beside the rules that FBGEMM lacks.

Needs the environment that ``environment.py`` builds.
"""

import numpy as np
import torch
from worker import Absent
from workloads import Workload, make_rows, make_table

__all__ = ["CONTESTANTS"]

LEARNING_RATE = 1e-3

torch.sparse.check_sparse_tensor_invariants.disable()


def make_step(kind, look_up, update, num_lookups, num_units):
    """A step over both kinds of workload

    `look_up` maps indices to the output; `update` is called after the backward pass.
    """
    given = torch.from_numpy(make_rows(num_lookups, num_units, seed=2))
    if kind == "table":

        def step(indices):
            look_up(indices).backward(given)
            update()

    else:

        def step(indices):
            loss = ((look_up(indices) - given) ** 2).sum()
            loss.backward()
            update()

    return step


def load(batches):
    """The batches as a list of int64 tensors"""
    return [torch.from_numpy(batch) for batch in np.load(batches)]


def make_optimizer(rule, parameters):
    """PyTorch's sparse optimizer of that rule"""
    if rule == "sgd":
        return torch.optim.SGD(parameters, lr=LEARNING_RATE)
    if rule == "adagrad":
        return torch.optim.Adagrad(parameters, lr=LEARNING_RATE)
    if rule == "adam":
        return torch.optim.SparseAdam(parameters, lr=LEARNING_RATE)
    raise Absent("PyTorch has no sparse %s" % rule)


def pytorch(workload, batches):
    """``torch.nn.Embedding(sparse=True)`` and the sparse optimizer of the rule"""
    workload = Workload(*workload)
    shape = (workload.num_rows, workload.num_units)
    embedding = torch.nn.Embedding.from_pretrained(
        # In PyTorch's own memory, not in NumPy's.
        torch.empty(shape).copy_(torch.from_numpy(make_table(*shape))),
        freeze=False,
        sparse=True,
    )
    optimizer = make_optimizer(workload.rule, list(embedding.parameters()))
    batches = load(batches)

    def update():
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    step = make_step(
        workload.kind, embedding, update, workload.num_lookups, workload.num_units
    )
    return lambda number: step(batches[number % len(batches)])


def make_fbgemm(workload, rule):
    """FBGEMM's fused table, with one index a bag"""
    # Imported here: PyTorch's contestants must not pay for loading it.
    from fbgemm_gpu.split_embedding_configs import EmbOptimType
    from fbgemm_gpu.split_table_batched_embeddings_ops_common import (
        EmbeddingLocation,
        PoolingMode,
    )
    from fbgemm_gpu.split_table_batched_embeddings_ops_training import (
        ComputeDevice,
        SplitTableBatchedEmbeddingBagsCodegen,
    )

    shape = (workload.num_rows, workload.num_units)
    tables = SplitTableBatchedEmbeddingBagsCodegen(
        [shape + (EmbeddingLocation.HOST, ComputeDevice.CPU)],
        optimizer=getattr(EmbOptimType, rule),
        learning_rate=LEARNING_RATE,
        pooling_mode=PoolingMode.SUM,
    )
    tables.split_embedding_weights()[0].copy_(torch.from_numpy(make_table(*shape)))
    return tables


def fbgemm(rule):
    """The maker of a contestant that updates by FBGEMM's rule"""

    def make(workload, batches):
        workload = Workload(*workload)
        if workload.num_units % 4:
            raise Absent("FBGEMM wants num_units divisible by 4")
        tables = make_fbgemm(workload, rule)
        offsets = torch.arange(workload.num_lookups + 1)
        batches = load(batches)
        step = make_step(
            workload.kind,
            lambda indices: tables(indices, offsets),
            lambda: None,  # the update is part of the backward pass
            workload.num_lookups,
            workload.num_units,
        )
        return lambda number: step(batches[number % len(batches)])

    return make


CONTESTANTS = {
    "pytorch": pytorch,
    "fbgemm_sgd": fbgemm("EXACT_SGD"),
    "fbgemm_rowwise_adagrad": fbgemm("EXACT_ROWWISE_ADAGRAD"),
}
