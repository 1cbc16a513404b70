"""Ops that stand in compiled functions only, where nothing is differentiated."""

from ..c_support import CodeOp

__all__ = ["CompiledOnly"]


class CompiledOnly(CodeOp):
    """
    lasagne_sparse.ops.rows.compiled_only.CompiledOnly()

    The base of Ops that rewrites make of what they were told is wanted.

    Raises
    ------
    NotImplementedError
        If such an Op is to be differentiated, by ``grad``, ``Lop`` or ``Rop``.
    """

    def grad(self, inputs, output_gradients):
        raise NotImplementedError(self._advice())

    def R_op(self, inputs, eval_points):
        raise NotImplementedError(self._advice())

    def _advice(self):
        return (
            "%s has no derivative: it stands in the graphs of compiled functions only. "
            "Differentiate the expressions that theano.function was given" % self
        )
