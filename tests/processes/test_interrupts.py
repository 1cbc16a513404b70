"""Ctrl-C at any moment: all of a step is done, or none of it"""

import random
import signal
import subprocess
import sys
import time

import pytest
from program_runs import environment

#: Two tables and a dense matrix under adam, which has accumulators and a counter; a
#: twin is trained undisturbed, and what was interrupted must be the twin at its step.
TRAINING = """
import signal, sys
import lasagne_sparse, numpy as np, theano, theano.tensor as T
from lasagne_sparse import updates

signal.signal(signal.SIGINT, signal.default_int_handler)
rng = np.random.RandomState(3)
TABLES = [rng.randn(300, 64).astype('float32') for _ in range(2)]
MATRIX = rng.randn(64, 64).astype('float32')
BATCHES = [rng.randint(0, 300, (2, 3000)).astype('int32') for _ in range(7)]

def build():
    U, V = [theano.shared(table, name) for table, name in zip(TABLES, 'UV')]
    M = theano.shared(MATRIX, 'M')
    x, y = T.ivectors('x', 'y')
    loss = T.sqr((T.dot(U[x], M) * V[y]).sum(axis=1) - 1).mean()
    changes = updates.adam(loss, [U, V, M], learning_rate=0.01)
    outputs = [loss]
    if sys.argv[2] == 'python':
        outputs.append(in_python(loss))
    return theano.function([x, y], outputs, updates=changes), list(changes)

@theano.as_op(itypes=[T.fscalar], otypes=[T.fscalar])
def in_python(number):
    return np.float32(sum(float(number) for _ in range(20000)))

step, state = build()
twin, twins = build()
(counter,) = [i for i, v in enumerate(state) if v.ndim == 0]

def count(variables):
    return int(variables[counter].get_value())

def train(function, variables):
    function(*BATCHES[count(variables) % 7])

def check():
    while count(twins) < count(state):
        train(twin, twins)
    for ours, expected in zip(state, twins):
        np.testing.assert_array_equal(ours.get_value(), expected.get_value())

in_step = 0
for _ in range(int(sys.argv[1])):
    train(step, state)  # a slow machine may not be through with another one
    try:
        print('go', flush=True)
        while True:
            train(step, state)
    except KeyboardInterrupt:
        trace = sys.exc_info()[2]
        while trace is not None:
            in_step += 'function_module' in trace.tb_frame.f_code.co_filename
            trace = trace.tb_next
    check()
assert count(state) >= int(sys.argv[1])
print('in a step', in_step, flush=True)
"""


def interrupt(flags, times, kind):
    """Interrupts the training that often; returns the last line that it printed"""
    child = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", TRAINING, str(times), kind],
        env=environment(flags, OMP_NUM_THREADS="2"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    moments = random.Random(5)
    try:
        told = []
        for line in child.stdout:
            told.append(line)
            if line == "go\n":
                time.sleep(moments.uniform(0, 0.02))
                child.send_signal(signal.SIGINT)
        assert child.wait() == 0, "".join(told)
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    return told[-1]


@pytest.mark.parametrize("kind", ["c", "python"])
def test_tables_and_accumulators_are_those_of_a_whole_number_of_steps(kind):
    """Also of functions that have an Op without C, within which Python may raise"""
    told = interrupt("linker=cvm", 80, kind)
    # most of them met a step at work
    assert int(told.split()[-1]) > 40, told
