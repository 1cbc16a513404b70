"""Ours, and what Theano's users have without us: dense rules, the recipe by hand.

All run in the environment of the library, with Theano's default mode, float32, and
``OMP_NUM_THREADS`` as given. Tables are shared variables; indices are int64 vectors,
the same for everyone. In the *table* workload the gradient of the output is a shared
variable and the output is returned; in the *step* workload the loss is.

`dense` and `ours` are the same program, but for one import. `by_hand` is the recipe of
the Theano FAQ ('How to update a subset of weights?'): the subset is gathered, the
gradient taken by it, each accumulator is read and set at the same indices. With
repeated indices it is wrong but for sgd (the last write wins), so it does less work
than it should; it is timed all the same. `dense` and `by_hand` are compiled without
our rewrites, which would make the recipe fast as well.
"""

import lasagne_sparse  # first: mends what Theano and Lasagne need
import lasagne
import numpy as np
import theano
import theano.tensor as T
from worker import Absent
from workloads import Workload, make_rows, make_table

__all__ = ["CONTESTANTS", "build", "without_us"]

LEARNING_RATE = np.float32(1e-3)


def make_variables(workload):
    """The table, the indices, and the given gradient or target"""
    table = theano.shared(
        make_table(workload.num_rows, workload.num_units), "W", borrow=True
    )
    given = theano.shared(make_rows(workload.num_lookups, workload.num_units, seed=2))
    return table, T.lvector("indices"), given


def differentiate(workload, output, given, target):
    """The gradient by `target` and what the step returns, for both kinds"""
    if workload.kind == "table":
        gradient = theano.grad(None, target, known_grads={output: given})
        return gradient, output
    loss = T.sum((output - given) ** 2)
    return theano.grad(loss, target), loss


def without_us():
    """Theano's default mode, as it is where lasagne_sparse was never imported"""
    return theano.compile.get_default_mode().excluding("lasagne_sparse")


def build(workload, update, mode=None, profile=False):
    """The training function of a table that `update` updates

    Parameters
    ----------
    workload : Workload
        What a step does.
    update : function
        With the signature of ``lasagne.updates``.
    mode : Theano mode, optional
        The default one if not given.
    profile : bool
        Whether Theano notes the time of each node.

    Returns
    -------
    function : theano function of the indices
    variables : list of shared variables
        The table first, then the accumulators.
    """
    table, indices, given = make_variables(workload)
    gradient, result = differentiate(workload, table[indices], given, table)
    updates = update([gradient], [table], learning_rate=LEARNING_RATE)
    accumulators = [variable for variable in updates if variable is not table]
    function = theano.function(
        [indices], result, updates=updates, mode=mode, profile=profile
    )
    return function, [table] + accumulators


def cycle(function, batches):
    """A step function over the batches in turn"""
    batches = list(np.load(batches))
    return lambda number: function(batches[number % len(batches)])


def find_rule(module, rule):
    """The rule of that name, or why there is none"""
    if not hasattr(module, rule):
        raise Absent("%s has no %s" % (module.__name__, rule))
    return getattr(module, rule)


def ours(workload, batches):
    """``lasagne_sparse.updates``"""
    workload = Workload(*workload)
    function, _ = build(workload, find_rule(lasagne_sparse.updates, workload.rule))
    return cycle(function, batches)


def dense(workload, batches):
    """``lasagne.updates``: every row, every step"""
    workload = Workload(*workload)
    rule = find_rule(lasagne.updates, workload.rule)
    function, _ = build(workload, rule, without_us())
    return cycle(function, batches)


def sgd_by_hand(table, indices, gradient):
    """The FAQ's own example"""
    return {table: T.inc_subtensor(table[indices], -LEARNING_RATE * gradient)}


def accumulate_by_hand(table, indices, count):
    """The looked-up rows of new accumulators of the table's shape"""
    value = table.get_value(borrow=True)
    return [theano.shared(np.zeros_like(value))[indices] for _ in range(count)]


def write_by_hand(table, indices, step, subsets, values):
    """The FAQ's updates: add to the table, set the accumulators"""
    updates = {table: T.inc_subtensor(table[indices], -step)}
    for subset, value in zip(subsets, values):
        updates[subset.owner.inputs[0]] = T.set_subtensor(subset, value)
    return updates


def momentum_by_hand(table, indices, gradient):
    """Classical momentum"""
    (velocity,) = accumulate_by_hand(table, indices, 1)
    step = np.float32(0.9) * velocity + LEARNING_RATE * gradient
    return write_by_hand(table, indices, step, [velocity], [step])


def adagrad_by_hand(table, indices, gradient):
    """Adagrad"""
    (accu,) = accumulate_by_hand(table, indices, 1)
    new = accu + gradient**2
    step = LEARNING_RATE * gradient / T.sqrt(new + np.float32(1e-6))
    return write_by_hand(table, indices, step, [accu], [new])


def rmsprop_by_hand(table, indices, gradient):
    """RMSProp"""
    (accu,) = accumulate_by_hand(table, indices, 1)
    new = np.float32(0.9) * accu + np.float32(0.1) * gradient**2
    step = LEARNING_RATE * gradient / T.sqrt(new + np.float32(1e-6))
    return write_by_hand(table, indices, step, [accu], [new])


def adam_by_hand(table, indices, gradient):
    """Adam"""
    beta1, beta2 = np.float32(0.9), np.float32(0.999)
    one = np.float32(1)
    t_prev = theano.shared(np.float32(0))
    m, v = accumulate_by_hand(table, indices, 2)
    t = t_prev + one
    rate = LEARNING_RATE * T.sqrt(one - beta2**t) / (one - beta1**t)
    m_new = beta1 * m + (one - beta1) * gradient
    v_new = beta2 * v + (one - beta2) * gradient**2
    step = rate * m_new / (T.sqrt(v_new) + np.float32(1e-8))
    updates = write_by_hand(table, indices, step, [m, v], [m_new, v_new])
    updates[t_prev] = t
    return updates


BY_HAND = {
    "sgd": sgd_by_hand,
    "momentum": momentum_by_hand,
    "adagrad": adagrad_by_hand,
    "rmsprop": rmsprop_by_hand,
    "adam": adam_by_hand,
}


def by_hand(workload, batches):
    """The Theano FAQ's recipe"""
    workload = Workload(*workload)
    if workload.rule not in BY_HAND:
        raise Absent("nobody wrote %s by hand" % workload.rule)
    table, indices, given = make_variables(workload)
    subset = table[indices]
    gradient, result = differentiate(workload, subset, given, subset)
    updates = BY_HAND[workload.rule](table, indices, gradient)
    # A dict keeps its order from Python 3.7 on; Theano warns about plain ones.
    function = theano.function(
        [indices], result, updates=list(updates.items()), mode=without_us()
    )
    return cycle(function, batches)


CONTESTANTS = {"ours": ours, "dense": dense, "by_hand": by_hand}
