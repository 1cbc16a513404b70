"""Along which axis of which variable of a rule do the rows of a table lie?

A rule keeps accumulators beside a table: a row of theirs belongs to a row of the table,
and is written when that is. Which they are is read off the rule's own expressions, and
so needs no rule to say it.
"""

from ..graph import evaluate, shape_now
from .row_writes import is_edited_row_write, row_write
from .rowwise import is_row_edit, is_row_write, row_inputs

__all__ = ["Alignment", "RowLeaves"]


class RowLeaves:
    """
    lasagne_sparse.sparsity.alignment.RowLeaves(leaves)

    Finds the leaves of which the rows of expressions are made, row by row

    ``RowLeaves(leaves)(expression, axis)`` is the set of pairs ``(leaf, axis of the
    leaf)``, `axis` that along which the rows of the expression are counted. A leaf that
    enters by a sum over all rows is not among them.

    Parameters
    ----------
    leaves : collection of Theano variables
    """

    def __init__(self, leaves):
        self._leaves, self._known = frozenset(leaves), {}

    def __call__(self, expression, axis):
        return evaluate((expression, axis), self._parts, self._united, self._known)

    def _parts(self, item):
        variable, axis = item
        node = variable.owner
        if variable in self._leaves or node is None or variable.broadcastable[axis]:
            return []
        if is_row_edit(node, axis) or is_row_write(node, axis):
            return [(node.inputs[0], axis)]
        axes = row_inputs(variable, axis) or []
        return [(i, a) for i, a in zip(node.inputs, axes) if a is not None]

    def _united(self, item, parts):
        if item[0] in self._leaves:
            return frozenset([item])
        return frozenset().union(*parts)


class Alignment:
    """
    lasagne_sparse.sparsity.alignment.Alignment(updates, leaves, params)

    Tells which entries of a rule's updates are written in which rows

    An entry is written in the rows of a leaf if its rows are made of that leaf's, or of
    those of a variable that is written so itself; and if such an entry reads it row by
    row, as a rule's table reads its accumulators.

    Parameters
    ----------
    updates : dict from shared variables to expressions
        As a dense rule returns it.
    leaves : dict from Theano variables to TouchedRows
        Expressions as large as a table of which all but some rows are known.
    params : collection of shared variables
        What the rule updates: none is a state of another one.

    Attributes
    ----------
    places : dict from shared variables to tuples
        ``(leaf, axis)``: in whose rows, and along which axis, an entry is written.
    unknown : dict from leaves to expressions
        Leaves for which that cannot be done, each with the expression that is in the
        way: an entry for all rows must be computed from all of them, and then all
        entries that go with it are.
    """

    def __init__(self, updates, leaves, params):
        self.updates, self.leaves = updates, leaves
        self.states = [s for s in updates if s not in params and hasattr(s, "ndim")]
        self.places, self.unknown = {}, {}
        if not leaves:
            return
        # Not all parameters: sets of them would grow with the depth of a network.
        tables = [touched.table for touched in leaves.values()]
        # A rule that was sparse already has written these in rows.
        self.written = {
            shared
            for shared, update in updates.items()
            if row_write(update, shared) or is_edited_row_write(update, shared)
        }
        self._rows_of = RowLeaves([*leaves, *tables, *self.states])
        self._depends, self._known = frozenset(leaves), {}
        self._align_with_leaves()
        self._align_states()
        self._find_what_is_in_the_way()
        for shared, (leaf, _) in list(self.places.items()):
            if leaf in self.unknown:
                del self.places[shared]

    def _reached(self, shared):
        """Yields ``(axis, leaf or shared variable, its axis)`` of an entry's rows."""
        expression = self.updates[shared]
        for axis in range(getattr(expression, "ndim", 0)):
            for variable, other in self._rows_of(expression, axis):
                yield axis, variable, other

    def _align_with_leaves(self):
        for shared in self.updates:
            if shared in self.written:
                continue
            found = {
                (leaf, axis)
                for axis, leaf, leaf_axis in self._reached(shared)
                if leaf in self.leaves and leaf_axis == self.leaves[leaf].axis
            }
            if len(found) == 1:
                self.places[shared] = found.pop()
            for leaf, _ in found:  # rows of several tables, which are not the same
                self.unknown.setdefault(leaf, self.updates[shared])
        for leaf, touched in self.leaves.items():
            # A step that was computed before is added to the rows of today.
            table, axis = touched.table, touched.axis
            if table not in self.updates or table in self.written:
                continue
            if (axis, table, axis) not in self._reached(table):
                continue
            if leaf not in self._leaves_upstream(self.updates[table]):
                self.places.setdefault(table, (leaf, axis))

    def _align_states(self):
        """Goes on from entry to entry until nothing more follows."""
        states = set(self.states)
        reached = {
            shared: [r for r in self._reached(shared) if r[1] in self.updates]
            for shared in self.updates
        }
        grown = dict(self.places)
        while grown:
            found = {}
            for shared, others in reached.items():
                for axis, other, other_axis in others:
                    if shared in grown and grown[shared][1] == axis:
                        if other in states and other not in self.places:
                            found[other] = grown[shared][0], other_axis
                    if other in grown and grown[other][1] == other_axis:
                        if shared in states and shared not in self.places:
                            found[shared] = grown[other][0], axis
            self.places.update(found)
            grown = found

    def _find_what_is_in_the_way(self):
        for shared, expression in self.updates.items():
            if shared in self.places:
                leaf, axis = self.places[shared]
                if shared is self.leaves[leaf].table and axis != self.leaves[leaf].axis:
                    self.unknown.setdefault(leaf, expression)
                continue
            if shared in self.written:
                continue
            for leaf in self._leaves_upstream(expression):
                touched = self.leaves[leaf]
                if shared is touched.table or self._may_have_its_rows(shared, leaf):
                    self.unknown.setdefault(leaf, expression)

    def _may_have_its_rows(self, shared, leaf):
        """Tells whether a state that is as long as a table may have a row for each."""
        if any(variable is leaf for _, variable, _ in self._reached(shared)):
            return False  # it goes with another axis of the table
        touched = self.leaves[leaf]
        length = shape_now(touched.table)[touched.axis]
        return shared in self.states and length in shape_now(shared)

    def _leaves_upstream(self, expression):
        """Returns the leaves among the ancestors of an expression."""

        def parts(variable):
            if variable in self._depends or variable.owner is None:
                return []
            return variable.owner.inputs

        def united(variable, found):
            if variable in self._depends:
                return frozenset([variable])
            return frozenset().union(*found)

        return evaluate(expression, parts, united, self._known)
