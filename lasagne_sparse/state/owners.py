"""Of which table is a rule's shared variable a state?

A rule does not say; its expressions do. Adam's ``m`` of a table is made, row by row, of
that table's gradient. Where that does not tell (a number for each table, sums over
rows), the one table whose update reads it is its table.
"""

from theano.gof.graph import Variable

from ..graph import evaluate
from ..sparsity.alignment import RowLeaves

__all__ = ["Owners"]

_SEVERAL = object()  # more than one table


class Owners:
    """
    lasagne_sparse.state.owners.Owners(updates, sources, states)

    Tells of which tables the states of a rule are, in linear time

    Parameters
    ----------
    updates : dict from shared variables to expressions
        As a dense rule returns it.
    sources : list of pairs (table, expression)
        The tables that the rule was asked to update, and what it was given for
        each: its gradient, or the update of another rule. Nothing is looked for
        beyond these expressions.
    """

    def __init__(self, updates, sources):
        self._updates = {s: e for s, e in updates.items() if isinstance(e, Variable)}
        self._tables = {table: table for table, _ in sources}
        for table, source in sources:
            # One expression for two tables tells of neither.
            shared = self._tables.get(source, table) is not table
            self._tables[source] = _SEVERAL if shared else table
        self._rows_of = RowLeaves(self._tables)
        self._upstream = {}
        self._readers = self._find_readers()

    def table_of(self, state):
        """Returns the table that a state belongs to, None if to the rule itself

        Parameters
        ----------
        state : shared variable

        Returns
        -------
        shared variable or None
            None for what is of several tables, and for a number that does not
            depend on a gradient, such as a count of steps.
        """
        by_rows = {self._tables[leaf] for _, leaf, _ in self._reached(state)}
        if len(by_rows) == 1:
            return _one(by_rows.pop())
        upstream = self._upstream_of(self._updates.get(state))
        if not getattr(state, "ndim", 0) and upstream is None:
            return None
        return _one(self._readers.get(state, upstream))

    def axis_of(self, state):
        """Returns the axis of a state along which its table's rows lie, or None

        Parameters
        ----------
        state : shared variable
            One of a table that is updated densely: its rows lie along axis 0.
        """
        axes = {axis for axis, _, other in self._reached(state) if other == 0}
        return axes.pop() if len(axes) == 1 else None

    def _reached(self, state):
        """Lists ``(axis, leaf, axis of the leaf)`` of what makes a state's rows."""
        expression = self._updates.get(state)
        return [
            (axis, leaf, other)
            for axis in range(getattr(expression, "ndim", 0))
            for leaf, other in self._rows_of(expression, axis)
        ]

    def _upstream_of(self, expression):
        """Returns the one table whose source an expression depends on, or several."""

        def parts(variable):
            known = variable is None or variable in self._tables
            return [] if known or variable.owner is None else variable.owner.inputs

        def united(variable, tables):
            if variable in self._tables:
                return self._tables[variable]
            found = {table for table in tables if table is not None}
            return found.pop() if len(found) == 1 else _SEVERAL if found else None

        return evaluate(expression, parts, united, self._upstream)

    def _find_readers(self):
        """Returns {variable: the one table whose update needs it, or several}."""
        readers = {}
        for table in self._updates.keys() & self._tables.keys():
            stack = [(self._updates[table], table)]
            while stack:
                variable, reader = stack.pop()
                known = readers.get(variable)
                if known in (reader, _SEVERAL) or variable in self._tables:
                    continue
                readers[variable] = reader if known is None else _SEVERAL
                if variable.owner is not None:
                    stack.extend((v, readers[variable]) for v in variable.owner.inputs)
        return readers


def _one(table):
    return None if table is _SEVERAL else table
