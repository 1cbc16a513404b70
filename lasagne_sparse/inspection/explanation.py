"""What does a compiled function touch: rows of its tables, or all of them?

.. autosummary::
    :nosignatures:

    explain
    assert_sparse
    Explanation
    Access
    TableSizedWork
    Transfer

Examples
--------
>>> import numpy as np, theano
>>> import theano.tensor as T
>>> from lasagne_sparse import assert_sparse, explain
>>> W = theano.shared(np.zeros((1000, 128), 'float32'), 'W')
>>> x = T.ivector('x')
>>> f = theano.function([x], W[x])
>>> print(explain(f).accesses[0].bytes)
2 x 4 B x 128 x lookups
>>> assert_sparse(f, [W])
>>> g = theano.function([], (2 * W).sum())
>>> assert_sparse(g, [W])  # doctest: +ELLIPSIS
Traceback (most recent call last):
AssertionError: ... work as large as table 'W' (1000 rows): ...
"""

import html

from .reading import Access, FunctionReading, TableSizedWork, Transfer

__all__ = [
    "Access",
    "Explanation",
    "TableSizedWork",
    "Transfer",
    "assert_sparse",
    "explain",
]


_LEGEND = (
    "bytes a call: times read or written x bytes of a number x numbers in a row x "
    "distinct rows of the call (lookups: repeats counted)"
)
_NO_ROWS = "No rows of a table are touched."
_NO_TABLES = (
    "No rows of a table are touched: name the tables to look at, explain(f, [W])"
)


class Explanation:
    """
    lasagne_sparse.inspection.explanation.Explanation(accesses, table_sized,
    transfers=(), tables=())

    What a function does to its tables; prints as text, and as HTML in a notebook.

    Parameters
    ----------
    accesses : list of Access
        Work that grows with the rows that a call touches.
    table_sized : list of TableSizedWork
        Work that grows with the tables.
    transfers : list of Transfer
        What travels to a GPU or back.
    tables : list of str
        The names of the tables that were looked at.
    """

    def __init__(self, accesses, table_sized, transfers=(), tables=()):
        self.accesses = list(accesses)
        self.table_sized = list(table_sized)
        self.transfers = list(transfers)
        self.tables = list(tables)

    def bytes(self, rows, lookups=None):
        """Returns the bytes that a call moves to and from the tables' rows

        Parameters
        ----------
        rows : int
            The distinct rows that a call touches.
        lookups : int, optional
            How many rows it looks up, repeats counted; `rows` if left out.

        Returns
        -------
        int
            Table-sized work is not in it.
        """
        counts = {"rows": rows, "lookups": rows if lookups is None else lookups}
        return sum(
            access.times
            * access.row_bytes[0]
            * access.row_bytes[1]
            * counts[access.rows]
            for access in self.accesses
        )

    def _cells(self):
        """Returns the three tables of this text: titles, and rows of strings."""
        touched = [(a.table, a.does, a.op, a.bytes, a.line) for a in self.accesses]
        sized = [
            (", ".join(w.tables), "%d rows" % w.num_rows, w.op, w.line)
            for w in self.table_sized
        ]
        return [
            (("table", "does", "op", "bytes a call", "line"), touched),
            (("as large as table", "now", "op", "line"), sized),
            (("travels", "by", "as", "line"), [tuple(t) for t in self.transfers]),
        ]

    def _paragraphs(self):
        """Returns the paragraphs of this text: lists of lines, and `_cells`' tables."""
        touched, sized, travelling = self._cells()
        parts = [[touched, _LEGEND] if touched[1] else [_NO_ROWS]]
        if not self.tables:
            parts = [[_NO_TABLES]]
        elif sized[1]:
            parts.append(["Table-sized work:", sized])
        else:
            parts.append(["Nothing is table-sized."])
        if travelling[1]:
            parts.append(["To a GPU and back:", travelling])
        return parts

    def __str__(self):
        return "\n\n".join(
            "\n".join(p if isinstance(p, str) else _as_text(*p) for p in paragraph)
            for paragraph in self._paragraphs()
        )

    __repr__ = __str__

    def _repr_html_(self):
        return "\n".join(
            "<p>%s</p>" % html.escape(p, quote=False)
            if isinstance(p, str)
            else _as_html(*p)
            for paragraph in self._paragraphs()
            for p in paragraph
        )


def _as_text(titles, rows):
    rows = [titles] + rows
    widths = [max(len(row[i]) for row in rows) for i in range(len(titles))]
    rows.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "  ".join(cell.ljust(w) for cell, w in zip(row, widths)).rstrip()
        for row in rows
    )


def _as_html(titles, rows):
    def line(cells, tag):
        return "<tr>%s</tr>" % "".join(
            "<%s>%s</%s>" % (tag, html.escape(cell), tag) for cell in cells
        )

    body = "\n".join(line(row, "td") for row in rows)
    return "<table>\n%s\n%s\n</table>" % (line(titles, "th"), body)


def explain(function, tables=None):
    """Explains what a compiled function does to its tables

    Parameters
    ----------
    function : Theano function
        As `theano.function` returns it.
    tables : list of shared variables, optional
        The tables to look at. If left out: every shared variable of which the
        function looks rows up or writes rows. Naming them tells more: a function
        that lost its sparsity altogether looks no rows up.

    Returns
    -------
    Explanation
        It prints as a table: which tables are touched, by which Op, how many bytes
        a call moves for the rows that it touches, and each Op whose work grows with
        a table instead, with the lines of the program that made them.

    Raises
    ------
    TypeError
        If `function` is no compiled function, `tables` no list, or one of `tables`
        no shared variable.

    Notes
    -----
    Work is table-sized if an input or an output of an Op has a dimension that
    depends on the number of rows of a table, unless the Op only looks at it (a
    view), or reads or writes some rows of it in place.
    """
    reading = FunctionReading(function, tables)
    return Explanation(
        reading.accesses(),
        reading.table_sized(),
        reading.transfers(),
        reading.tables,
    )


def assert_sparse(function, tables=None):
    """Raises if a compiled function does work that grows with a table

    For tests: a call of a function that passes costs the same whatever the number
    of rows of its tables.

    Parameters
    ----------
    function : Theano function
        As `theano.function` returns it.
    tables : list of shared variables, optional
        The tables to look at. If left out: every shared variable of which the
        function looks rows up or writes rows, so that nothing is said of a table
        that is *only* used whole, such as that of ``T.tanh(W)[x]``. A test should
        name its tables.

    Raises
    ------
    AssertionError
        If there is such work; it names each Op and the line that made it.
    ValueError
        If there is no table to look at: none was named, and the function looks no
        rows up and writes none.
    TypeError
        As :func:`explain`.

    Examples
    --------
    >>> import numpy as np, theano
    >>> import theano.tensor as T
    >>> W, x = theano.shared(np.zeros((1000, 128)), 'W'), T.ivector('x')
    >>> assert_sparse(theano.function([x], T.tanh(W[x])), [W])
    >>> whole = theano.function([x], T.tanh(W)[x])
    >>> assert_sparse(whole, [W])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    AssertionError: ... work as large as table 'W' (1000 rows): ...
    """
    explanation = explain(function, tables)
    if not explanation.tables:
        raise ValueError(
            "no table was found: the function looks no rows up and writes none, which "
            "one that lost its sparsity does not either. Name the tables to look at: "
            "assert_sparse(f, tables=[W])"
        )
    work = explanation.table_sized
    if not work:
        return
    first = work[0]
    raise AssertionError(
        "the function does work as large as table %s (%d rows):\n%s"
        % (
            ", ".join(repr(name) for name in first.tables),
            first.num_rows,
            "\n".join("  %s, made by %s" % (w.op, w.line) for w in work),
        )
    )
