"""Makes a program that fails smaller, as long as it fails in the same way"""

import copy

import numpy as np

from .judging import Failure, judge
from .rules import OPERATIONS, takes_gradient

__all__ = ["minimised", "simpler"]


def minimised(program, failure, judge=judge, max_trials=2000):
    """Minimises a program greedily

    Parameters
    ----------
    program : dict
    failure : Failure
        What ``judge(program)`` returned.
    judge : callable
    max_trials : int
        How many programs to judge at most.

    Returns
    -------
    dict, Failure
        The smallest program found, and what it does.
    """
    trials, smaller = 0, True
    while smaller and trials < max_trials:
        smaller = False
        for candidate in simpler(program):
            trials += 1
            found = judge(candidate)
            if isinstance(found, Failure) and found[:2] == failure[:2]:
                program, failure, smaller = candidate, found, True
                break
            if trials >= max_trials:
                break
    return program, failure


def simpler(program):
    """Yields programs with one piece less, or a simpler one, biggest cuts first."""
    for cut in _CUTS:
        for change in cut(program):
            candidate = copy.deepcopy(program)
            change(candidate)
            candidate = _tidied(candidate)
            if candidate is not None and candidate != program:
                yield candidate


def _tidied(program):
    """Drops what nothing uses any more; None if nothing is left to do."""
    tables, inputs, dense = set(), set(), set()
    if not program["functions"] or not program["steps"]:
        return None
    for function in program["functions"]:
        if "recipe" in function:
            tables.add(function["recipe"]["table"])
            inputs.add(function["recipe"]["index"])
            continue
        function["terms"] = [t for t in function["terms"] if t["lookups"]]
        if not function["terms"]:
            return None
        lookups = [k for term in function["terms"] for k in term["lookups"]]
        used = {k["table"] for k in lookups}
        inputs.update(at for k in lookups for at in k["at"] if isinstance(at, str))
        weights = {t["dense"] for t in function["terms"]} - {None}
        tables, dense = tables | used, dense | weights
        used |= weights
        function["params"] = [n for n in function["params"] if n in used]
        for name in ("constraint", "edits"):
            _keep_edits(function, name)
    for name, kept in [("tables", tables), ("inputs", inputs), ("dense", dense)]:
        program[name] = {n: d for n, d in program[name].items() if n in kept}
    for step in program["steps"]:
        step["batch"] = {n: b for n, b in step["batch"].items() if n in inputs}
    return program


def _keep_edits(function, name):
    """Keeps the edits of tables that the rule still updates."""
    edits = function.get(name)
    if isinstance(edits, dict):
        edits = [edits]
    edits = [e for e in edits or [] if e["table"] in function["params"]]
    if name == "edits" and edits:
        function[name] = edits
    elif name == "constraint" and edits:
        function[name] = edits[0]
    else:
        function.pop(name, None)


# --- Cuts: each yields functions that change a copy ----------------


def _functions(program):
    count = len(program["functions"])
    for number in range(count if count > 1 else 0):

        def drop(p, number=number):
            del p["functions"][number]
            p["steps"] = [s for s in p["steps"] if s["function"] != number]
            for step in p["steps"]:
                step["function"] -= step["function"] > number

        yield drop


def _steps(program):
    for number in reversed(range(len(program["steps"]))):
        yield lambda p, number=number: p["steps"].pop(number)


def _terms(program):
    for f, function in enumerate(program["functions"]):
        for t, term in enumerate(function.get("terms", [])):
            yield lambda p, f=f, t=t: p["functions"][f]["terms"].pop(t)
            for k in range(len(term["lookups"])):
                yield lambda p, f=f, t=t, k=k: p["functions"][f]["terms"][t][
                    "lookups"
                ].pop(k)


def _around(program):
    """What goes around the rule."""
    for f, function in enumerate(program["functions"]):
        for name in ("momentum", "constraint", "edits", "subsets", "shows"):
            if function.get(name):
                yield lambda p, f=f, name=name: p["functions"][f].pop(name)
        if function.get("gradients") is not None:
            yield lambda p, f=f: p["functions"][f].update(gradients=None)
        for number in range(len(function.get("gradients") or [])):
            yield lambda p, f=f, n=number: p["functions"][f]["gradients"].pop(n)
        for number in range(len(function.get("edits") or [])):
            yield lambda p, f=f, n=number: p["functions"][f]["edits"].pop(n)


def _rules(program):
    sgd = {"name": "sgd", "kwargs": {"learning_rate": 0.1}}
    for f, function in enumerate(program["functions"]):
        rule = function.get("rule")
        if rule is None:
            continue
        yield lambda p, f=f: p["functions"][f].update(rule=sgd)
        if rule.get("symbolic"):
            yield lambda p, f=f: p["functions"][f]["rule"].pop("symbolic")
        if rule["name"] == "random":
            yield from _random_rules(f, rule)


def _random_rules(f, rule):
    if rule.get("sets"):
        yield lambda p: p["functions"][f]["rule"].pop("sets")
    if rule["states"]:

        def drop(p):
            changed = p["functions"][f]["rule"]
            changed["states"].pop()
            changed["lines"].pop()

        yield drop
    for smaller in _simpler_expressions(rule["step"]):
        if takes_gradient(rule["step"]) and not takes_gradient(smaller):
            continue  # another kind of rule
        yield lambda p, e=smaller: p["functions"][f]["rule"].update(step=e)
    for number, line in enumerate(rule["lines"]):
        for smaller in _simpler_expressions(line):
            yield lambda p, e=smaller, n=number: p["functions"][f]["rule"][
                "lines"
            ].__setitem__(n, e)


def _simpler_expressions(expression):
    head, *rest = expression
    if head not in OPERATIONS:
        if head != "g":
            yield ["g"]
        return
    yield from rest
    for k, part in enumerate(rest):
        for smaller in _simpler_expressions(part):
            yield [head, *rest[:k], smaller, *rest[k + 1 :]]


def _details(program):
    """Functions of terms, kinds of lookups."""
    plain = {"function": "sum", "combine": "product", "weight": 1.0, "dense": None}
    for f, function in enumerate(program["functions"]):
        for t, term in enumerate(function.get("terms", [])):
            for name, value in plain.items():
                if term[name] != value:
                    yield lambda p, f=f, t=t, new=(name, value): p["functions"][f][
                        "terms"
                    ][t].update([new])
            for k, lookup in enumerate(term["lookups"]):
                for kind in _simpler_kinds(lookup, program):
                    yield lambda p, f=f, t=t, k=k, kind=kind: p["functions"][f][
                        "terms"
                    ][t]["lookups"][k].update(kind)


def _simpler_kinds(lookup, program):
    at = lookup["at"]
    dims = [
        program["inputs"][a]["ndim"] if isinstance(a, str) else np.ndim(a) for a in at
    ]
    kinds = {(0,): "scalar", (1,): "vector", (2,): "matrix"}
    kind = kinds.get(tuple(dims[:1]))
    if kind and (lookup["kind"] != kind or len(at) > 1):
        yield {"kind": kind, "at": at[:1]}
    for position, limit in enumerate(lookup.get("slice", [])):
        if limit is not None:
            limits = list(lookup["slice"])
            limits[position] = None
            yield {"slice": limits}


def _batches(program):
    """One lookup less in a batch, an index that is 0."""
    inputs = program["inputs"]
    for s, step in enumerate(program["steps"]):
        for group in sorted({d["group"] for d in inputs.values()}):
            names = [n for n, d in inputs.items() if d["group"] == group and d["ndim"]]
            names = [n for n in names if n in step["batch"]]
            length = max([len(step["batch"][n]) for n in names] or [0])
            for row in range(length):
                yield lambda p, s=s, names=names, row=row: [
                    p["steps"][s]["batch"][n].pop(row) for n in names
                ]
        for name, numbers in step["batch"].items():
            for position in np.ndindex(*np.shape(numbers)):
                for number in (0, 1):
                    if np.asarray(numbers)[position] not in range(number + 1):
                        yield (
                            lambda p, s=s, n=name, where=position, number=number: _set(
                                p["steps"][s]["batch"], n, where, number
                            )
                        )


def _set(batch, name, where, number):
    numbers = np.asarray(batch[name])
    numbers[where] = number
    batch[name] = numbers.tolist()


def _types(program):
    for name, described in program["inputs"].items():
        if described["dtype"] != "int64":
            yield lambda p, n=name: p["inputs"][n].update(dtype="int64")
    for name, described in program["tables"].items():
        if any(described["fixed"]):
            plain = [False] * len(described["fixed"])
            yield lambda p, n=name, plain=plain: p["tables"][n].update(fixed=plain)
        if described["dtype"] != program["floatX"]:
            yield lambda p, n=name: p["tables"][n].update(dtype=p["floatX"])
        for axis, length in enumerate(described["shape"]):
            if length > 1:
                yield lambda p, n=name, axis=axis: _shorten(p["tables"][n], axis)
        if len(described["shape"]) > 1:
            yield lambda p, n=name: _flatten(p["tables"][n])
    if program["floatX"] != "float64":
        yield _in_float64


def _shorten(described, axis):
    described["shape"][axis] -= 1


def _flatten(described):
    described["shape"].pop()
    described["fixed"].pop()


def _in_float64(program):
    program["floatX"] = "float64"
    for described in [*program["tables"].values(), *program["dense"].values()]:
        described["dtype"] = "float64"


_CUTS = [_functions, _steps, _terms, _around, _rules, _details, _batches, _types]
