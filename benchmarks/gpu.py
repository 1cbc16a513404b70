"""Times steps on a GPU, and says what share of its copy bandwidth they reach

By the same workloads as the benchmark for CPUs: a table of a million rows, 4,096
indices a step, drawn by Zipf's law. Theano's flags choose the device::

    THEANO_FLAGS=device=cuda0,floatX=float32 python benchmarks/gpu.py
    THEANO_FLAGS=device=opencl0:0,floatX=float32 python benchmarks/gpu.py

For each rule two functions are timed: what this library makes of it, and without its
rewrites. A step's bytes are those of its rows, each read and written once in the table
and in every accumulator, and of its gradient, which is read once. The bandwidth that
they are compared with is that of copying an array of the table's size on the device,
measured in the same run. Where PyTorch is installed and finds a CUDA device, its
``Embedding(sparse=True)`` with ``SparseAdam`` and sparse ``SGD`` takes part.

Calls are asynchronous on a GPU: a batch of them is timed, until the device is idle.
"""

import argparse
import json
import sys
import time

import lasagne_sparse
import numpy as np
import theano
import theano.tensor as T
from workloads import Workload, draw_batches

__all__ = ["main"]

RULES = ["sgd", "adagrad", "adam", "rowwise_adagrad"]


def milliseconds(call, wait, seconds):
    """The median time of a call, timed in batches of calls for so many seconds"""
    call()
    wait()
    start = time.perf_counter()
    call()
    wait()
    number = max(1, int(0.02 / (time.perf_counter() - start)))
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 3:
        start = time.perf_counter()
        for _ in range(number):
            call()
        wait()
        times.append((time.perf_counter() - start) / number * 1000)
    return float(np.median(times))


def copy_bandwidth(table, seconds):
    """Bytes a second that the device reads and writes when it copies a table"""
    array = table.get_value(borrow=True, return_internal_type=True)
    target = array.copy()

    def copy():
        target[...] = array

    num_bytes = 2 * array.size * array.dtype.itemsize
    return num_bytes / (milliseconds(copy, array.sync, seconds) / 1000)


def ours(rule, workload, batches, seconds, with_rewrites=True):
    """Milliseconds of a step of the table's part, and the bytes of its rows"""
    W = theano.shared(
        np.random.RandomState(0)
        .standard_normal((workload.num_rows, workload.num_units))
        .astype("float32"),
        "W",
    )
    x = T.lvector("x")
    gradient = theano.shared(
        np.ones((batches.shape[1], workload.num_units), "float32"), "gradient"
    )
    updates = getattr(lasagne_sparse.updates, rule)(
        (W[x] * gradient).sum(), [W], learning_rate=0.01
    )
    mode = theano.compile.get_default_mode()
    if not with_rewrites:
        mode = mode.excluding("lasagne_sparse")
    step = theano.function([x], updates=updates, mode=mode)
    batch = iter(_forever(batches))
    internal = W.get_value(borrow=True, return_internal_type=True)
    time_of_step = milliseconds(lambda: step(next(batch)), internal.sync, seconds)
    distinct = np.mean([len(np.unique(b)) for b in batches])
    row_bytes = sum(
        4 * (workload.num_units if v.ndim > 1 else 1) for v in updates if v.ndim
    )
    lookups = 4 * workload.num_units * batches.shape[1]
    return time_of_step, 2 * distinct * row_bytes + lookups, W


def torch_step(rule, workload, batches, seconds):
    """The same by PyTorch on CUDA, in milliseconds; None where there is none"""
    optimizers = {"sgd": "SGD", "adagrad": "Adagrad", "adam": "SparseAdam"}
    try:
        import torch
    except ImportError:
        return None
    if rule not in optimizers or not torch.cuda.is_available():
        return None
    layer = torch.nn.Embedding(workload.num_rows, workload.num_units, sparse=True)
    layer = layer.cuda()
    optimizer = getattr(torch.optim, optimizers[rule])(layer.parameters(), lr=0.01)
    gradient = torch.ones(batches.shape[1], workload.num_units, device="cuda")
    batch = iter(_forever(batches))

    def step():
        optimizer.zero_grad()
        indices = torch.from_numpy(next(batch)).cuda()
        layer(indices).backward(gradient)
        optimizer.step()

    return milliseconds(step, torch.cuda.synchronize, seconds)


def _forever(batches):
    while True:
        yield from batches


def measure(options):
    """Times all rules; returns a dict for each"""
    results, bandwidth = [], None
    for rule in options.rules:
        workload = Workload(
            kind="table",
            rule=rule,
            num_rows=options.num_rows,
            num_units=options.num_units,
            num_lookups=4096,
            distribution="zipf",
            threads=1,
        )
        batches = draw_batches(workload)
        time_of_step, num_bytes, W = ours(rule, workload, batches, options.seconds)
        bandwidth = bandwidth or copy_bandwidth(W, options.seconds)
        del W
        plain, _, _ = ours(rule, workload, batches, options.seconds, False)
        results.append(
            {
                "rule": rule,
                "ms": time_of_step,
                "ms_without_rewrites": plain,
                "ms_torch_cuda": torch_step(rule, workload, batches, options.seconds),
                "bytes": num_bytes,
                "bandwidth_share": num_bytes / (time_of_step / 1000) / bandwidth,
                "copy_bytes_per_second": bandwidth,
            }
        )
    return results


def device_name():
    """The device, its driver and the library between"""
    context = theano.gpuarray.type.get_context(None)
    name = context.devname
    name = name.decode() if isinstance(name, bytes) else name
    return "%s (%s, libgpuarray %s)" % (
        name,
        theano.config.device,
        theano.gpuarray.pygpu.__version__,
    )


def main(arguments=None):
    """Runs the benchmark; returns the exit code"""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--num-rows", type=int, default=10**6)
    parser.add_argument("--num-units", type=int, default=128)
    parser.add_argument("--rules", nargs="+", default=RULES, choices=RULES)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each timing")
    parser.add_argument("--json", help="a file for the results")
    options = parser.parse_args(arguments)
    if not theano.config.device.startswith(("cuda", "opencl")):
        sys.stderr.write(
            "Theano uses no GPU: set THEANO_FLAGS=device=cuda0,floatX=float32, or "
            "device=opencl0:0\n"
        )
        return 2
    results = measure(options)
    print("%s, %d rows x %d" % (device_name(), options.num_rows, options.num_units))
    print("copies %.1f GB/s" % (results[0]["copy_bytes_per_second"] / 1e9))
    print("rule               ms   share of copy   without rewrites   PyTorch CUDA")
    for result in results:
        peer = result["ms_torch_cuda"]
        print(
            "%-15s %6.2f   %11.0f %%   %13.2f ms   %s"
            % (
                result["rule"],
                result["ms"],
                100 * result["bandwidth_share"],
                result["ms_without_rewrites"],
                "%9.2f ms" % peer if peer else "        none",
            )
        )
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"device": device_name(), "results": results}, file, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
