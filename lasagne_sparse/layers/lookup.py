"""What all layers that look rows up share: which rows, and the gradient's target"""

from collections import namedtuple
from functools import reduce

import numpy as np
import theano
import theano.tensor as T
from theano.gradient import disconnected_grad
from theano.tensor.opt import Assert
from theano.scan_module.scan_utils import equal_computations

from ..graph import without_transfers
from ..ops import unique_rows

__all__ = ["Lookup", "LookupLayer", "Part"]

Lookup = namedtuple("Lookup", "indices mask subset parts")
Lookup.__doc__ = """What a layer looks up for one input

``subset`` are the distinct rows that are trained, and ``parts`` say where all rows go.
"""

Part = namedtuple("Part", "values positions")
Part.__doc__ = """Rows that were looked up, and where

``positions`` count in the flattened indices, ascending; None for all of them in turn.
"""


class LookupLayer:
    """
    lasagne_sparse.layers.lookup.LookupLayer()

    The base of layers with a table: what they look up, and which rows that are.

    * ``rows, inverse := unique(indices that are present and trained)``
    * ``subset := W[rows]``

    To be inherited before a layer of Lasagne. The layer has its table as ``W``, and
    calls :meth:`_set_options` in its initializer.

    What is absent (masked, or the index ``padding_idx``) is not looked up at all: its
    row is neither in the subset nor ever updated. Rows that are frozen are looked up
    beside the subset, with no gradient.
    """

    # For layers that became ours after they were built: see `convert`.
    padding_idx = max_norm = _frozen = None
    _lookups = ()

    def _set_options(self, padding_idx, frozen_rows, max_norm):
        """Checks and keeps what the layers have in common."""
        num_rows = self.input_size
        if padding_idx is not None and not -num_rows <= padding_idx < num_rows:
            raise ValueError(
                "padding_idx must be a row of the table, from %d to %d, or None; got %r"
                % (-num_rows, num_rows - 1, padding_idx)
            )
        if max_norm is not None and not max_norm > 0:
            raise ValueError("max_norm must be positive or None; got %r" % (max_norm,))
        self.padding_idx = None if padding_idx is None else padding_idx % num_rows
        self.max_norm = max_norm
        self._frozen = _as_mask(frozen_rows, num_rows, self.W.name)
        self._lookups = ()  # in the order of the calls

    @property
    def frozen_rows(self):
        """The rows that are never changed, a NumPy vector; those of padding apart"""
        if self._frozen is None:
            return np.zeros(0, "int64")
        return np.flatnonzero(self._frozen.get_value(borrow=True))

    @property
    def subset(self):
        """The rows gathered, shape ``(num_distinct, output_size)``

        Without those of padding, of what is masked, and those that are frozen.

        Raises
        ------
        ValueError
            If nothing was looked up yet, or several different inputs were.
        """
        if not self._lookups:
            raise ValueError(
                "%s has no subset yet, since nothing was looked up: call "
                "lasagne.layers.get_output first" % self._described()
            )
        if len(self._lookups) > 1:
            raise ValueError(
                "%s looked up %d different inputs (%s), and has a subset of each: "
                "say which with layer.subset_for(input)"
                % (
                    self._described(),
                    len(self._lookups),
                    ", ".join(str(lookup.indices) for lookup in self._lookups),
                )
            )
        return self._lookups[0].subset

    @property
    def rows(self):
        """The distinct rows gathered, shape ``(num_distinct,)``, int64, ascending

        Raises
        ------
        ValueError
            As :attr:`subset` does.
        """
        return self.subset.owner.inputs[1]

    def subset_for(self, input, mask=None):
        """Returns the subset that the lookup of an input gathers

        Parameters
        ----------
        input : Theano variable, any shape, integer
            The indices that are looked up.
        mask : Theano variable of this shape, optional
            Zero where an index is absent.

        Returns
        -------
        Theano variable, shape ``(num_distinct, output_size)``
            The same variable for the same input, whether or not it was looked
            up before.

        Raises
        ------
        TypeError
            If `input` is not of an integer dtype, or `mask` has another rank.
        """
        return self._lookup(input, mask).subset

    def _lookup(self, input, mask=None):
        """Returns the `Lookup` of an input, the same for the same one."""
        input = self._checked(input)
        if mask is not None:
            mask = self._fitting("a mask", mask, input)
        for lookup in self._lookups:
            if without_transfers(lookup.subset.owner.inputs[0]) is not self.W:
                continue
            if _same(lookup.indices, input) and _same(lookup.mask, mask):
                return lookup
        lookup = self._new_lookup(input, mask)
        self._lookups += (lookup,)
        return lookup

    def _new_lookup(self, input, mask):
        indices, positions = input.flatten(), self._present(input, mask)
        if positions is not None:
            indices = indices[positions]
        if self._frozen is None:
            subset, values = self._gathered(indices)
            return Lookup(input, mask, subset, [Part(values, positions)])
        is_frozen = self._frozen[indices]
        if positions is None:
            positions = T.arange(indices.shape[0])
        trained, frozen = ((is_frozen ^ 1).nonzero()[0], is_frozen.nonzero()[0])
        subset, values = self._gathered(indices[trained])
        fixed = disconnected_grad(self.W[indices[frozen]])
        parts = [Part(values, positions[trained]), Part(fixed, positions[frozen])]
        return Lookup(input, mask, subset, parts)

    def _gathered(self, indices):
        """Returns the subset of a vector of indices, and a row of it for each."""
        rows, inverse = unique_rows(indices, self.W.shape[0], self.W.name)
        subset = self.W[rows]
        return subset, subset[inverse]

    def _present(self, input, mask):
        """Returns the positions in the flattened input that count; None for all."""
        conditions = [] if mask is None else [T.neq(mask, 0)]
        if self.padding_idx is not None:
            conditions.append(T.neq(input, self.padding_idx))
            if not input.dtype.startswith("uint"):
                conditions.append(T.neq(input, self.padding_idx - self.input_size))
        if not conditions:
            return None
        present = reduce(T.and_, conditions)
        return present.flatten().nonzero()[0]

    def _checked(self, input):
        """Returns the indices as a variable, if they are integers."""
        input = T.as_tensor_variable(input)
        if input.dtype not in T.integer_dtypes:
            raise TypeError(
                "%s expects indices of an integer dtype, got %s of type %s. Give its "
                "InputLayer an integer variable (input_var=T.imatrix()), or cast: "
                "T.cast(x, 'int32')" % (self._described(), input, input.type)
            )
        return input

    def _fitting(self, what, variable, input):
        """Returns a variable that is checked to have the shape of the indices."""
        variable = T.as_tensor_variable(variable)
        if variable.ndim != input.ndim:
            raise TypeError(
                "%s expects %s of the shape of its indices, with %d dimensions, got %s "
                "of type %s"
                % (self._described(), what, input.ndim, variable, variable.type)
            )
        check = Assert("%s must be of the shape of the indices" % what)
        return check(variable, T.all(T.eq(variable.shape, input.shape)))

    def _described(self):
        kind = type(self).__name__
        return "%s %r" % (kind, self.name) if self.name else kind

    def __getstate__(self):
        # Expressions do not belong to a saved network: they are made anew by
        # the next get_output.
        return dict(self.__dict__, _lookups=())


def _same(one, other):
    """Tells whether two variables, or None, are computed alike."""
    if one is None or other is None:
        return one is other
    return one is other or equal_computations([one], [other])


def _as_mask(frozen_rows, num_rows, name):
    """Returns a shared vector with 1 for each row that is frozen, or None."""
    if frozen_rows is None:
        return None
    rows = np.asarray(frozen_rows)
    if rows.size == 0:
        return None
    mask = np.zeros(num_rows, "int8")
    if rows.ndim != 1 or rows.dtype.kind not in "biu":
        raise TypeError(
            "frozen_rows must be a vector of row numbers, or of %d booleans; got shape "
            "%s of %s" % (num_rows, rows.shape, rows.dtype)
        )
    if rows.dtype.kind == "b" and len(rows) != num_rows:
        raise ValueError(
            "frozen_rows must have a boolean for each of the %d rows; got %d"
            % (num_rows, len(rows))
        )
    if rows.dtype.kind != "b" and not (
        -num_rows <= rows.min() and rows.max() < num_rows
    ):
        raise ValueError(
            "frozen_rows must be rows of the table, from %d to %d; got %d to %d"
            % (-num_rows, num_rows - 1, rows.min(), rows.max())
        )
    mask[rows] = 1
    name = "%s.frozen" % (name or "W")
    # where the indices are
    return theano.shared(mask, name, target="cpu")
