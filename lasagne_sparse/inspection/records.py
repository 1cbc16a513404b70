"""What is told of a function: touched rows, work as large as a table, transfers"""

from collections import namedtuple

__all__ = ["Access", "TableSizedWork", "Transfer"]


class Access(
    namedtuple("Access", ["table", "does", "op", "times", "row_bytes", "rows", "line"])
):
    """
    lasagne_sparse.inspection.records.Access(table, does, op, times, row_bytes,
    rows, line)

    Reading or writing rows of one table.

    Parameters
    ----------
    table : str
        The name of the table, or of an accumulator, see `FunctionReading`.
    does : str
        'reads', 'updates', or 'copies' where all of the table is copied first.
    op : str
        The Op that does it.
    times : int
        How often each row moves: once read and once written are 2.
    row_bytes : tuple of (int, int)
        The bytes of an element and the elements of a row.
    rows : str
        What is counted: 'rows', the distinct rows that a call touches, or
        'lookups', where a row counts each time it is looked up.
    line : str
        The line of the program that made it; 'near' where Theano lost it, and
        something beside it is told.
    """

    __slots__ = ()

    @property
    def bytes(self):
        """The bytes that a call moves, as a formula: ``2 x 4 B x 128 x rows``"""
        return "%d x %d B x %d x %s" % ((self.times,) + self.row_bytes + (self.rows,))


#: An Op whose work grows with the number of rows of a table. ``tables`` are their
#: names, ``num_rows`` how many rows the first one has now, ``op`` and ``line`` as in
#: `Access`.
TableSizedWork = namedtuple("TableSizedWork", ["tables", "num_rows", "op", "line"])


#: What travels to a GPU or back in each call: ``name`` is that of a variable, or of
#: the Op that makes it, ``op`` the Op that brings it there, ``kind`` dtype and shape as
#: far as they are known, ``line`` as in `Access`.
Transfer = namedtuple("Transfer", ["name", "op", "kind", "line"])
