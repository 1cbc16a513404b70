"""Prints a program as one would write it down"""

from .edits import EDITS
from .gradients import STEPS
from .lookups import KINDS
from .rules import text_of

__all__ = ["described"]


def described(program):
    """Returns a program as text

    Parameters
    ----------
    program : dict

    Returns
    -------
    str
        Lines for tables, inputs, each function, each step.
    """
    lines = ["seed %d, floatX=%s" % (program["seed"], program["floatX"])]
    for name, table in program["tables"].items():
        fixed = [n for n, is_fixed in enumerate(table["fixed"]) if is_fixed]
        note = ", of length one by type: axes %s" % fixed if fixed else ""
        lines.append("%s: %s %s%s" % (name, table["dtype"], table["shape"], note))
    for name, dense in program["dense"].items():
        lines.append("%s: dense, %s %s" % (name, dense["dtype"], dense["shape"]))
    for name, index in program["inputs"].items():
        kind = ["scalar", "vector", "matrix"][index["ndim"]]
        lines.append("%s: %s of %s" % (name, kind, index["dtype"]))
    for number, function in enumerate(program["functions"]):
        lines.append("function %d:" % number)
        lines.extend("    " + line for line in _function(function))
    for step in program["steps"]:
        batch = ", ".join("%s=%s" % item for item in step["batch"].items())
        lines.append("function %d called with %s" % (step["function"], batch))
    return "\n".join(lines)


def _function(function):
    if "recipe" in function:
        recipe = function["recipe"]
        names = {"inc": "inc_subtensor", "set": "set_subtensor"}
        kind = names.get(recipe["kind"], recipe["kind"])
        yield "%s(%s[%s], %s)" % (
            kind,
            recipe["table"],
            recipe["index"],
            recipe["value"],
        )
        return
    yield "loss = " + " + ".join(_term(term) for term in function["terms"])
    yield "params = [%s]%s" % (
        ", ".join(function["params"]),
        ", as the subsets that are looked up" if function.get("subsets") else "",
    )
    if function.get("shows"):
        yield "outputs: the loss, and what is looked up"
    if function["gradients"] is not None:
        yield "gradients given" + "".join(
            ", " + STEPS[name].text for name in function["gradients"]
        )
    yield from _rule(function["rule"])
    if function.get("momentum"):
        yield "%s(updates, params, 0.5)" % function["momentum"]
    if function.get("constraint"):
        yield "norm_constraint(updates[{table}], {max_norm}, {axes})".format(
            **function["constraint"]
        )
    for edit in function.get("edits", []):
        text = EDITS[edit["kind"]][2].format(**edit)
        yield "updates[%s] = %s" % (
            edit["table"],
            text.replace("entry", "updates[%s]" % edit["table"]),
        )


def _term(term):
    lookups = []
    for position, lookup in enumerate(term["lookups"]):
        kind = KINDS[lookup["kind"]]
        text = kind.text.format(*lookup["at"], W=lookup["table"], **_slice(lookup))
        if term["dense"] and position == 0:
            text = "%s by %s" % (text, term["dense"])
        lookups.append("%s(%s)" % (term["function"], text))
    reduced = {"aligned": "sum(%s)", "mean": "%s", "product": "%s"}[term["combine"]]
    if term["combine"] != "aligned":
        name = "mean" if term["combine"] == "mean" else "sum"
        lookups = ["%s(%s)" % (name, text) for text in lookups]
    return "%g * %s" % (term["weight"], reduced % " * ".join(lookups))


def _slice(lookup):
    return {"slice": tuple(lookup["slice"])} if "slice" in lookup else {}


def _rule(rule):
    if rule["name"] != "random":
        kwargs = ", ".join("%s=%s" % item for item in sorted(rule["kwargs"].items()))
        note = ", symbolic rate" if rule.get("symbolic") else ""
        yield "%s(%s)%s" % (rule["name"], kwargs, note)
        return
    yield "a rule of its own, with g the gradient, p the table, t a function of the"
    yield "step count, s0 and n0 an old and a new state:"
    for number, (kind, line) in enumerate(zip(rule["states"], rule["lines"])):
        yield "    state %d, %s := %s" % (number, kind, text_of(line))
    sign = "" if rule.get("sets") else "p - 0.1 * "
    yield "    p := %s%s" % (sign, text_of(rule["step"]))
