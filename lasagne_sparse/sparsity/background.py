"""What is an expression in the rows that no lookup touched?

A gradient is row-sparse where its background is zero: this is read off its own graph,
so that nothing has to mark layers or look at the loss.
"""

from ..graph import constant_value, evaluate, is_zeros
from .rowwise import is_row_edit, row_inputs, row_value
from .scatters import scatter_at

__all__ = ["Background", "clears_a_row"]


class Background:
    """
    lasagne_sparse.sparsity.background.Background(scatter_at=scatter_at)

    Knows what expressions are outside of the rows that scatters touch

    It remembers what it was asked: the parts that several expressions share are
    looked at once, so that all questions about a graph take time linear in it. It is
    to be made anew when a graph has changed.

    Parameters
    ----------
    scatter_at : callable
        ``scatter_at(variable, axis)`` reads a scatter, as
        :func:`~lasagne_sparse.sparsity.scatters.scatter_at` does, or returns None.
    """

    def __init__(self, scatter_at=scatter_at):
        self._read, self._scatters, self._values = scatter_at, {}, {}

    def value(self, variable, axis):
        """Returns the one number that all rows are that no scatter touches

        Parameters
        ----------
        variable : Theano variable
        axis : int
            The axis along which its rows are counted.

        Returns
        -------
        NumPy scalar or None
            None if it is not known to be one number.
        """
        return evaluate((variable, axis), self._parts, self._combined, self._values)

    def scatter(self, variable, axis):
        """Returns the Scatter that a variable is, or None"""
        item = variable, axis
        if item not in self._scatters:
            self._scatters[item] = self._read(variable, axis)
        return self._scatters[item]

    def scatters(self, variable, axis):
        """Lists what touches rows: all that tells them from the background

        Parameters
        ----------
        variable : Theano variable
            Its background is known.
        axis : int

        Returns
        -------
        list of tuple
            Pairs ``(variable, axis)``, each once: :meth:`scatter` reads them. Those
            upstream of others come after them.
        """
        found, seen, stack = [], set(), [(variable, axis)]
        while stack:
            item = stack.pop()
            if item in seen or self.value(*item) is None:
                continue
            seen.add(item)
            if self._is_leaf(item):
                continue
            if self.scatter(*item) is not None:
                found.append(item)
            stack.extend(reversed(self.parts(*item)))
        return found

    def parts(self, variable, axis):
        """Lists the ``(input, axis)`` of which a variable's rows are made

        Of a scatter it is the base alone.
        """
        return [part for part in self._parts((variable, axis)) if part is not None]

    def _is_leaf(self, item):
        variable, axis = item
        return (
            variable.owner is None
            or variable.broadcastable[axis]
            or constant_value(variable) is not None
        )

    def _parts(self, item):
        """Lists the ``(input, axis)`` on which a variable's background depends."""
        if self._is_leaf(item):
            return []
        variable, axis = item
        scatter = self.scatter(variable, axis)
        if scatter is not None:
            return [(scatter.base, axis)]
        node = variable.owner
        if clears_a_row(node, axis):
            return [(node.inputs[0], axis)]
        axes = row_inputs(variable, axis) or []
        return [None if a is None else (i, a) for i, a in zip(node.inputs, axes)]

    def _combined(self, item, parts):
        """Combines the backgrounds of a variable's inputs into its own."""
        variable, axis = item
        if self._is_leaf(item):
            return constant_value(variable)
        if self.scatter(variable, axis) is not None:
            return parts[0]
        node = variable.owner
        if clears_a_row(node, axis):
            return parts[0] if parts[0] == 0 else None
        axes = row_inputs(variable, axis)
        if axes is None:
            return None
        values = [
            constant_value(i) if a is None else part
            for i, a, part in zip(node.inputs, axes, parts)
        ]
        return row_value(node, variable, values)


def clears_a_row(node, axis):
    """Tells whether a node is ``set_subtensor(x[k], 0)``: a padding row's

    Parameters
    ----------
    node : Apply node
    axis : int
        Of the rows.

    Returns
    -------
    bool
    """
    return is_row_edit(node, axis) and (
        node.op.set_instead_of_inc and is_zeros(node.inputs[1])
    )
