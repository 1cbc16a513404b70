"""Runs a program in three ways, and says where they differ"""

from collections import namedtuple

import numpy as np
import theano
import theano.tensor as T
from theano.compile.debugmode import DebugMode

from .building import build
from .lazy import alternatives, lazy_values, owners

__all__ = ["Failure", "judge", "new_mode", "PASSED", "SKIPPED"]

Failure = namedtuple("Failure", "stage kind text")
Failure.__doc__ = """What is wrong with a program

``stage`` is "build", "compile", "rewrites", "lazy" or "state"; with ``kind``, the type
of an exception or "numbers", it tells one failure from another while a program is made
smaller.
"""

PASSED, SKIPPED = None, "skipped"

# Rewrites of Theano's: some look for convolutions, for a quarter of the time, and one
# raises AttributeError.
_THEANOS = ("conv_opts", "AbstractConvCheck", "local_sumsqr2dot")

# Of values near 1, after a step.
TOLERANCE = {"float64": 1e-7, "float32": 2e-3}


def new_mode(kind="py", exclude=()):
    """Returns the mode that the program is compiled in

    Parameters
    ----------
    kind : str
        "py", "c", "debug", or "default", which is what Theano's flags say.
    exclude : tuple of str
        Tags of rewrites.
    """
    if kind == "debug":
        mode = DebugMode(optimizer="fast_run")
    elif kind == "default":
        mode = theano.compile.get_default_mode()
    else:
        mode = theano.Mode({"py": "py", "c": "cvm"}[kind], "fast_run")
    mode = mode.excluding(*_THEANOS, *exclude)
    if kind == "debug":  # set here, since excluding() makes a mode with the defaults
        mode.check_c_code = False
        mode.check_isfinite = False  # it is compared like any other number
    return mode


def plain_mode():
    """Returns a mode without any rewrite."""
    return theano.Mode("py", None)


def judge(program, mode="py"):
    """Judges a program

    Returns
    -------
    Failure, or PASSED, or SKIPPED
        A program is skipped that Lasagne and Theano without us do not run either,
        or whose results are made of rounding errors.
    """
    flags = {"floatX": program["floatX"]}
    if mode == "py":
        flags["cxx"] = ""  # else Theano folds constants by C
    with theano.configparser.change_flags(**flags), np.errstate(all="ignore"):
        try:
            return _judged(program, mode)
        except _Found as found:
            return found.failure
        except _NotOurs:
            return SKIPPED


class _Found(Exception):
    def __init__(self, stage, kind, text):
        super().__init__(text)
        self.failure = Failure(stage, kind, text)


class _NotOurs(Exception):
    pass


def _judged(program, mode):
    try:
        stock_shared, stock = build(program, ours=False)
        stock = [_Stock(f, d) for f, d in zip(stock, program["functions"])]
    except Exception as error:
        raise _NotOurs() from error
    try:
        shared, built = build(program, ours=True)
    except Exception as error:
        raise _Found("build", type(error).__name__, _last_line(error)) from error
    ours = [_Ours(f, mode) for f in built]
    for number, step in enumerate(program["steps"]):
        f = step["function"]
        for name, variable in stock_shared.items():
            variable.set_value(shared[name].get_value())
        _step(program, program["functions"][f], ours[f], stock[f], step, number)
    return PASSED


def _last_line(error):
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


class _Stock:
    """The program with Lasagne's rules, its new values as outputs"""

    def __init__(self, function, described):
        self.function = function
        outputs = [*function.outputs, *_cast(function.updates)]
        self.call = _compiled(function.inputs, outputs, None, plain_mode())
        if "recipe" not in described:
            self.owners = owners(described, function.params)


class _Ours:
    """The program with our rules, with rewrites and without any"""

    def __init__(self, function, mode):
        self.function = function
        outputs = [*function.outputs, *_cast(function.updates)]
        try:
            self.plain = _compiled(function.inputs, outputs, None, plain_mode())
        except Exception as error:
            raise _Found("build", type(error).__name__, _last_line(error)) from error
        try:
            self.call = self.compiled(new_mode(mode))
        except Exception as error:
            try:
                self.compiled(new_mode(mode, ["lasagne_sparse"]))
            except Exception as other:
                if type(other) is type(error):
                    raise _NotOurs() from error
            raise _Found("compile", type(error).__name__, _last_line(error)) from error

    def compiled(self, mode):
        function = self.function
        return _compiled(function.inputs, function.outputs, function.updates, mode)

    def values(self):
        return [shared.get_value() for shared in self.function.updates]

    def restore(self, values):
        for shared, value in zip(self.function.updates, values):
            shared.set_value(value)


def _cast(updates):
    """Lists new values in the dtypes of their variables, as the library casts them."""
    return [T.cast(e, shared.dtype) for shared, e in updates.items()]


def _compiled(inputs, outputs, updates, mode):
    return theano.function(
        list(inputs.values()),
        outputs,
        updates=updates,
        mode=mode,
        on_unused_input="ignore",
    )


def _arrays(function, batch):
    """Makes index arrays of a batch's lists."""
    arrays = []
    for name, variable in function.inputs.items():
        array = np.array(batch[name], variable.dtype)
        if array.ndim != variable.ndim:  # of an empty list
            array = array.reshape((0,) + (1,) * (variable.ndim - 1))
        arrays.append(array)
    return arrays


def _step(program, described, ours, stock, step, number):
    arrays = _arrays(ours.function, step["batch"])
    before = ours.values()
    _give_states(ours, stock, before)
    theirs = _called(stock.call, arrays)
    plain = _called(ours.plain, arrays)
    got = _called(ours.call, arrays)
    where = "in step %d" % number
    if isinstance(got, Exception) and not isinstance(plain, Exception):
        ours.restore(before)
        excluded = ours.compiled(new_mode("py", ["lasagne_sparse"]))
        if isinstance(_called(excluded, arrays), Exception):
            raise _NotOurs()
        text = "%s: %s" % (where, _last_line(got))
        raise _Found("rewrites", type(got).__name__, text) from got
    if isinstance(plain, Exception) != isinstance(theirs, Exception):
        failed = plain if isinstance(plain, Exception) else theirs
        text = "%s: %s raises %s" % (
            where,
            "the library alone" if failed is plain else "Lasagne alone",
            _last_line(failed),
        )
        raise _Found("lazy", type(failed).__name__, text) from failed
    if isinstance(plain, Exception):
        if not isinstance(got, Exception):
            text = "%s: no error, but without rewrites %s" % (where, _last_line(plain))
            raise _Found("rewrites", "no error", text)
        if isinstance(got, IndexError) and not _equal_lists(before, ours.values()):
            raise _Found("state", "changed", where + ": changed in spite of an error")
        return
    after = [*got, *ours.values()]
    _compare_rewrites(ours, after, plain, before, arrays, where)
    if "recipe" in described:
        _compare_lists(ours, plain, theirs, where)
    else:
        batch = dict(zip(ours.function.inputs, arrays))
        _compare_lazy(
            program, described, ours, stock, before, plain, theirs, batch, where
        )


def _called(call, arrays):
    try:
        return call(*arrays)
    except Exception as error:
        return error


def _give_states(ours, stock, values):
    """Gives the stock program the values that ours has."""
    updates = stock.function.updates
    mine = [(v.dtype, v.ndim) for v in ours.function.updates]
    other = [(v.dtype, v.ndim) for v in updates]
    if mine != other:
        text = "updates of %s, expected %s" % (mine, other)
        raise _Found("lazy", "states", text)
    for shared, value in zip(updates, values):
        shared.set_value(value)


# --- Numbers ----------------


def _differs(one, other):
    """Returns the largest difference where it is too large, or None."""
    one, other = np.asarray(one), np.asarray(other)
    if one.shape != other.shape or one.dtype != other.dtype:
        return "%s %s, expected %s %s" % (
            one.dtype,
            one.shape,
            other.dtype,
            other.shape,
        )
    tolerance = TOLERANCE.get(str(one.dtype), 0)
    if np.allclose(one, other, tolerance, tolerance, equal_nan=True):
        return None
    return "got %s, expected %s" % (one.tolist(), other.tolist())


def _equal_lists(ones, others):
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(ones, others))


def _names(ours):
    shown = ["lookup %d" % k for k in range(1, len(ours.function.outputs))]
    names = [v.name or "state %d" % k for k, v in enumerate(ours.function.updates)]
    return ["the loss", *shown, *names]


def _compare_rewrites(ours, got, plain, before, arrays, where):
    for position, (name, one, other) in enumerate(zip(_names(ours), got, plain)):
        text = _differs(one, other)
        if text is None:
            continue
        ours.restore(before)
        excluded = ours.compiled(new_mode("py", ["lasagne_sparse"]))
        outputs = excluded(*arrays)
        theanos = [*outputs, *ours.values()]
        if _differs(theanos[position], other) is not None:
            raise _NotOurs()
        raise _Found("rewrites", "numbers", "%s of %s: %s" % (where, name, text))


def _compare_lists(ours, plain, theirs, where):
    for name, one, other in zip(_names(ours), plain, theirs):
        _demand_equal(one, other, where, name)


def _compare_lazy(program, described, ours, stock, before, plain, theirs, batch, where):
    names, outputs = _names(ours), len(ours.function.outputs)
    for k in range(outputs):
        _demand_equal(plain[k], theirs[k], where, names[k])
    names, plain, theirs = names[outputs:], plain[outputs:], theirs[outputs:]
    params = stock.function.params
    positions = {name: [] for name in [*params, None]}
    for k, owner in enumerate(stock.owners):
        positions[owner].append(k)
    for k in positions.pop(None):
        _demand_equal(plain[k], theirs[k], where, names[k])
    keys = list(stock.function.updates)
    for name, ks in positions.items():
        ks.sort(key=lambda k: keys[k] is not params[name])  # the parameter first
        olds, news = [before[k] for k in ks], [theirs[k] for k in ks]
        first = None
        for kept in alternatives(
            program, described, ours.function, name, olds[0], batch
        ):
            expected = lazy_values(described, name, kept, olds, news, ours.function)
            texts = [(names[k], _differs(plain[k], e)) for k, e in zip(ks, expected)]
            texts = ["%s: %s" % item for item in texts if item[1]]
            if not texts:
                break
            first = first or texts[0]
        else:
            if first is None:
                first = "%s: no lookup explains an update without a warning" % name
            raise _Found("lazy", "numbers", "%s of %s" % (where, first))


def _demand_equal(one, other, where, name):
    text = _differs(one, other)
    if text is not None:
        raise _Found("lazy", "numbers", "%s of %s: %s" % (where, name, text))
