"""Times programs from an empty cache of compiled modules to the end of the first step

Each program runs in a process of its own: the one of the README, an LSTM over a table,
and ten tables. In turns: on an empty cache, and again on the full one, without the
mends of compiling (``lasagne_sparse.fast_compile=False``) and with them. Between them a
small extension of NumPy is compiled by ``g++ -O3``: the unit, which makes figures of
two machines comparable, and of one machine at two times. Both by the clock and in
seconds of a processor, which say more where others use the machine::

    python benchmarks/first_compile.py --rounds 3
    python benchmarks/first_compile.py --programs readme --rounds 1
"""

import argparse
import os
import resource
import subprocess
import sys
import sysconfig
import tempfile
import time

import numpy as np

__all__ = ["PROGRAMS", "main", "program"]

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = ["readme", "lstm", "tables"]
FLAG = "lasagne_sparse.fast_compile="

# A module as Theano's are in what they include, and a loop for the optimizer.
EXTENSION = """
#define NPY_NO_DEPRECATED_API NPY_1_7_API_VERSION
#include <Python.h>
#include <iostream>
#include <math.h>
#include <numpy/arrayobject.h>
#include <numpy/arrayscalars.h>
static PyObject* total(PyObject* self, PyObject* given) {
  PyArrayObject* array = (PyArrayObject*)PyArray_FROM_OTF(
      given, NPY_DOUBLE, NPY_ARRAY_IN_ARRAY);
  if (!array) return NULL;
  double sum = 0, *data = (double*)PyArray_DATA(array);
  for (npy_intp i = 0; i < PyArray_SIZE(array); i++) sum += exp(data[i]);
  Py_DECREF(array);
  return PyFloat_FromDouble(sum);
}
static PyMethodDef methods[] = {{"total", total, METH_O, ""}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "small", "", -1, methods};
PyMODINIT_FUNC PyInit_small(void) {
  import_array();
  return PyModule_Create(&module);
}
"""


def program(name):
    """Builds a training step of a program, and does one step"""
    import lasagne_sparse  # before lasagne and theano
    from lasagne_sparse.layers import EmbeddingLayer
    import lasagne
    import theano
    import theano.tensor as T

    layers = lasagne.layers
    softmax = lasagne.nonlinearities.softmax
    classes, number = T.ivector("classes"), 64
    if name == "tables":
        inputs = [T.ivector("x%d" % i) for i in range(10)]
        given = [np.zeros(number, "int32") for _ in inputs]
        network = layers.ConcatLayer(
            [
                EmbeddingLayer(layers.InputLayer((None,), x), 1000 + i, 16, name=x.name)
                for i, x in enumerate(inputs)
            ]
        )
        network = layers.DenseLayer(network, 32)
    else:
        inputs = [T.imatrix("words")]
        given = [np.zeros((number, 10), "int32")]
        network = layers.InputLayer((None, 10), inputs[0])
        network = EmbeddingLayer(network, 1000000, 32, name="words")
        if name == "lstm":
            network = layers.LSTMLayer(network, 32)
            network = layers.SliceLayer(network, -1, 1)
    network = layers.DenseLayer(network, 2, nonlinearity=softmax)
    predicted = layers.get_output(network)
    loss = lasagne.objectives.categorical_crossentropy(predicted, classes).mean()
    params = layers.get_all_params(network, trainable=True)
    updates = lasagne_sparse.updates.adam(loss, params, learning_rate=0.01)
    train = theano.function([*inputs, classes], loss, updates=updates)
    train(*given, np.zeros(number, "int32"))


def timed(command, flags=None):
    """Seconds by the clock, and of processors, that a command takes"""
    environment = dict(os.environ)
    if flags:
        environment["THEANO_FLAGS"] = flags
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run(command, env=environment, check=True)
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, processor


def unit(folder):
    """Times one ``g++ -O3`` of a small extension"""
    source = os.path.join(folder, "small.cpp")
    with open(source, "w", encoding="ascii") as file:
        file.write(EXTENSION)
    target = os.path.join(folder, "small.so")
    places = [np.get_include(), sysconfig.get_paths()["include"]]
    return timed(
        ["g++", "-O3", "-shared", "-fPIC", *("-I" + place for place in places)]
        + [source, "-o", target]
    )


def one_round(names):
    """Yields a line of each measurement, in turns"""
    command = [sys.executable, "-W", "ignore", os.path.abspath(__file__), "--child"]
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            for mends in (False, True):
                cache = os.path.join(folder, "%s-%s" % (name, mends))
                flags = "device=cpu,base_compiledir=%s,%s%s" % (cache, FLAG, mends)
                for state in ("empty", "full"):
                    yield "unit", unit(folder)
                    label = "%s, %s cache, %s" % (
                        name,
                        state,
                        "mends" if mends else "Theano alone",
                    )
                    yield label, timed([*command, name], flags)


def main(arguments=None):
    """Runs the benchmark, or in a child one program"""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--programs", nargs="+", choices=PROGRAMS, default=PROGRAMS)
    add("--rounds", type=int, default=3)
    add("--child", choices=PROGRAMS, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        program(options.child)
        return
    found = {}
    for _ in range(options.rounds):
        for label, seconds in one_round(options.programs):
            found.setdefault(label, []).append(seconds)
            print("%-36s %6.1f s %6.1f s" % (label, *seconds), file=sys.stderr)
    units = np.median(found["unit"], axis=0)
    print("%-36s %18s %18s" % ("", "by the clock", "of processors"))
    for label, seconds in found.items():
        median = np.median(seconds, axis=0)
        pairs = zip(median, median / units)
        print("%-36s" % label, *("%7.2f s %5.1f units" % pair for pair in pairs))


if __name__ == "__main__":
    main()
