"""Which rule keeps a shared variable, of which table, and as what?

A rule makes accumulators without names: Adam's are two as large as each table, and
one number. Here each gets a name, ``words.W/adam/m``, and a :class:`Slot` that tells
the same to programs. The record hangs on the variable itself: it goes when that goes,
and is pickled with it.

.. autosummary::
    :nosignatures:

    Slot
    slot_of
    named_states
    declare_slots
    record_states
"""

from collections import Counter, OrderedDict, defaultdict, namedtuple

from theano.compile import SharedVariable
from theano.gof.graph import Variable

from ..graph import called
from ..sparsity import row_write
from .owners import Owners

__all__ = ["Slot", "declare_slots", "named_states", "record_states", "slot_of"]


class Slot(namedtuple("Slot", "rule table slot axis number")):
    """
    lasagne_sparse.state.slots.Slot(rule, table, slot, axis, number)

    What a shared variable is to the rule that keeps it.

    Parameters
    ----------
    rule : str
        The name of the rule: 'adam'.
    table : shared variable or None
        The table, or other parameter, that it belongs to; None for what belongs to
        the rule as a whole, such as Adam's count of steps.
    slot : str
        Which of the rule's states of this table it is: 'm', or its number in the
        order in which they were made, '0', '1', where the rule did not say.
    axis : int or None
        The axis of the state along which the table's rows lie; None if it has none.
    number : int
        1 for the first call of this rule with this table, 2 for the next one.
    """

    __slots__ = ()

    @property
    def name(self):
        """The address: ``words.W/adam/m``, ``adam/t``, ``words.W/adam#2/m``"""
        rule = self.rule if self.number == 1 else "%s#%d" % (self.rule, self.number)
        parts = [] if self.table is None else [called(self.table)]
        return "/".join(parts + [rule, self.slot])


def slot_of(variable):
    """Returns what a shared variable is to the rule that keeps it

    Parameters
    ----------
    variable : Theano variable

    Returns
    -------
    Slot or None
        None if it is no state of a rule: a table, or a program's own variable.

    Examples
    --------
    >>> import numpy as np, theano
    >>> from lasagne_sparse.updates import adagrad
    >>> W = theano.shared(np.ones((5, 2)), 'words.W')
    >>> accu, table = adagrad(W[[1]].sum(), [W])
    >>> slot = slot_of(accu)
    >>> print(accu.name, slot.rule, slot.table, slot.slot, slot.axis)
    words.W/adagrad/accu adagrad words.W accu 0
    """
    return getattr(variable.tag, "lasagne_sparse_slot", None)


def named_states(updates):
    """Returns the states of rules by name, each name once

    Parameters
    ----------
    updates : dict from shared variables, or iterable of them
        The updates of a rule, or of several: ``[*updates, *others]``.

    Returns
    -------
    OrderedDict from str to shared variables
        In the order of `updates`, without what is no state of a rule. Where several
        tables have one name, or several calls of a rule a number each, those after
        the first get a suffix: ``W#2/adam/m``, ``adam#2/t``.

    Examples
    --------
    >>> import numpy as np, theano
    >>> from lasagne_sparse.updates import adam
    >>> W = theano.shared(np.ones((5, 2)), 'words.W')
    >>> list(named_states(adam(W[[1]].sum(), [W])))
    ['words.W/adam/m', 'words.W/adam/v', 'adam/t']
    """
    found, tables = OrderedDict(), defaultdict(OrderedDict)
    for variable in updates:
        slot = slot_of(variable)
        if slot is None:
            continue
        name, label = slot.name, slot.rule
        if slot.table is not None:
            label = called(slot.table)
            of_this_name = tables[label]
            position = of_this_name.setdefault(slot.table, len(of_this_name) + 1)
            name = _numbered(name, label, position)
        found[_first_free(name, label, found)] = variable
    return found


def _numbered(name, label, number):
    """Puts a number behind the label that a name begins with, if it is not 1."""
    return name if number == 1 else "%s#%d%s" % (label, number, name[len(label) :])


def _first_free(name, label, taken):
    """Puts the first number behind a name's label by which it is not taken."""
    numbers = (_numbered(name, label, i) for i in range(1, len(taken) + 2))
    return next(free for free in numbers if free not in taken)


# --- The record ----------------


_Declared = namedtuple("_Declared", "rule slots scalars")
_declared = {}  # by the dense rule itself: functions of modules, which stay


def declare_slots(update_fn, rule, slots=(), scalars=()):
    """Tells what a dense rule calls its states

    Parameters
    ----------
    update_fn : callable
        The dense rule.
    rule : str
        Its name.
    slots : sequence of str
        What it keeps of each table, in the order in which it makes it.
    scalars : sequence of str
        What it keeps once.
    """
    _declared[update_fn] = _Declared(rule, tuple(slots), tuple(scalars))


def record_states(update_fn, updates, sources, written):
    """Names the states of a rule, and records what they are

    What has a name keeps it; what another rule has recorded stays that rule's.

    Parameters
    ----------
    update_fn : callable
        The dense rule.
    updates : dict from shared variables to expressions
        As the dense rule returned it.
    sources : list of pairs (table, expression)
        The tables that the rule was asked to update, and what it was given for
        each: its gradient, or the update of another rule.
    written : dict from shared variables to expressions
        `updates` as the user gets it, with rows written in place of tables.
    """
    tables = dict.fromkeys(table for table, _ in sources)
    states = [s for s in updates if _is_new_state(s) and s not in tables]
    if not states:
        return
    declared = _declaration_of(update_fn)
    number = _next_number(declared.rule, tables)
    owners, made = Owners(updates, sources), Counter()
    for state in sorted(states, key=_order_of_creation):
        table = owners.table_of(state)
        names = declared.scalars if table is None else declared.slots
        position = made[table]
        made[table] += 1
        # More states than names: the rule is not the one that was declared.
        slot = names[position] if position < len(names) else str(position)
        axis = _axis_of_rows(state, written, owners)
        slot = Slot(declared.rule, table, slot, axis, number)
        state.tag.lasagne_sparse_slot = slot
        if state.name is None:
            state.name = slot.name


def _is_new_state(variable):
    return isinstance(variable, SharedVariable) and slot_of(variable) is None


def _order_of_creation(variable):
    # Theano counts the variables that it makes.
    return int(variable.auto_name[len("auto_") :])


def _axis_of_rows(state, written, owners):
    expression = written[state]
    found = row_write(expression, state) if isinstance(expression, Variable) else None
    return owners.axis_of(state) if found is None else found.axis


def _declaration_of(update_fn):
    """Returns what a rule declared, or its name and no more."""
    function = update_fn
    while function not in _declared and hasattr(function, "func"):
        function = function.func  # functools.partial
    if function in _declared:
        return _declared[function]
    name = getattr(function, "__name__", type(function).__name__)
    return _Declared("rule" if name == "<lambda>" else name, (), ())


def _next_number(rule, tables):
    """Counts the calls of a rule with any of some tables, on the tables."""
    counts = [getattr(t.tag, "lasagne_sparse_calls", {}) for t in tables]
    number = 1 + max((count.get(rule, 0) for count in counts), default=0)
    for table, count in zip(tables, counts):
        # A new one: copies of a variable share what hangs on its tag.
        table.tag.lasagne_sparse_calls = dict(count, **{rule: number})
    return number
