"""What is assumed of the order in a row program, in one place.

Programs are written by the readers of :mod:`lasagne_sparse.rewrites`, run by
:mod:`lasagne_sparse.ops.programs.row_program`, and written as C and as kernels. All of
them rely on this:

* The arrays of an Op's inputs are those of the tables, then those of the operands, as
  many of each as its ``count`` says. Only what is 'summed' is made of several, and only
  'count' of none. 'lookup' is for sums, and for maps. 'of_bag' is for sums, and comes
  after a 'lookup' of integers: the bags of the lookups.
* Sums are made first, from tables and operands.
* Steps run in their order, and read what a step before has stored: a 'number' or a
  'buffer' has one store, and that comes before each step that reads it.
* A row of a table with units is written where it is. So no step that comes later reads
  it, and all steps read old rows.
* A step once per row neither reads nor stores anything per unit. A step per unit stores
  one number per row by summing it; only a map's total takes it unsummed.
* Each table, output and total has one store.

The tests check each program that they make.
"""

from collections import Counter

__all__ = ["check", "validate"]

#: Whether :func:`check` does anything: programs come from our own rewrites.
enabled = False


def check(program):
    """Validates a program where that is switched on, as in the tests

    Parameters
    ----------
    program : RowProgram or MapProgram
    """
    if enabled:
        validate(program)


def validate(program):
    """Asserts what this module says of programs

    Parameters
    ----------
    program : RowProgram or MapProgram

    Raises
    ------
    AssertionError
        If a program does not hold to it.
    """
    for i, operand in enumerate(program.operands):
        _check_operand(program, i, operand)
    for part in program.sums:
        for slot in part.inputs:
            assert slot.kind in ("table", "operand"), "a sum reads %s" % (slot,)
            assert part.scope == "unit" or not _has_units(program, slot), (
                "a sum once per row reads %s, which has units" % (slot,)
            )
    stored = Counter()
    for step in program.steps:
        for slot in step.inputs:
            _check_read(program, step, slot, stored)
        for store in step.stores:
            _check_store(program, step, store)
            stored[store.target] += 1
    for kind, count in _targets(program).items():
        found = [stored[target] for target in stored if target.kind == kind]
        assert found == [1] * count, "a %s without one store: %s" % (kind, stored)


def _targets(program):
    """Returns how many slots of each kind a program has to store to."""
    return dict(
        table=len(program.tables),
        number=len(program.numbers),
        buffer=len(program.buffers),
        output=len(getattr(program, "outputs", ())),
        total=len(getattr(program, "totals", ())),
    )


def _has_units(program, slot):
    """Tells whether a slot has a number for each unit."""
    if slot.kind == "buffer":
        return True
    if slot.kind in ("number", "total"):
        return False
    if slot.kind == "table":
        return program.tables[slot.position] == "unit"
    places = dict(operand=program.operands, sum=program.sums)
    if slot.kind == "output":
        return program.outputs[slot.position].scope == "unit"
    return places[slot.kind][slot.position].scope == "unit"


def _check_operand(program, i, operand):
    kind, scope, count = operand
    if kind == "count":
        assert (scope, count) == ("row", 0), "operand %d has no array" % i
    elif kind != "summed":
        assert count == 1, "operand %d has %d arrays" % (i, count)
    if kind == "of_bag":
        bags = program.operands[i - 1] if i > 0 else None
        assert bags == ("lookup", "row", 1), "operand %d has no bags" % i
    if kind in ("lookup", "of_bag") and program.tables:
        steps = [s for step in program.steps for s in step.inputs]
        assert ("operand", i) not in steps, "operand %d is for sums" % i


def _check_read(program, step, slot, stored):
    assert step.scope == "unit" or not _has_units(program, slot), (
        "a step once per row reads %s, which has units" % (slot,)
    )
    if slot.kind in ("number", "buffer"):
        assert stored[slot], "%s is read before it is stored" % (slot,)
    if slot.kind == "table" and _has_units(program, slot):
        assert not stored[slot], "%s is read after it was written" % (slot,)


def _check_store(program, step, store):
    position, target, total = store
    assert 0 <= position < step.composite.nout, "no output %d" % position
    if total is not None:
        assert (step.scope, target.kind) == ("unit", "number"), (
            "%s takes no sum over units" % (target,)
        )
    elif target.kind != "total":
        assert _has_units(program, target) == (step.scope == "unit"), (
            "a step by %s stores to %s" % (step.scope, target)
        )
