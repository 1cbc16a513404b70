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
>>> from lasagne_sparse.explain import assert_sparse, explain
>>> W = theano.shared(np.zeros((1000, 128), 'float32'), 'W')
>>> x = T.ivector('x')
>>> f = theano.function([x], W[x].sum())
>>> print(explain(f).accesses[0].bytes)
2 x 4 B x 128 x lookups
>>> assert_sparse(f)
>>> g = theano.function([], (2 * W).sum())
>>> assert_sparse(g, [W])  # doctest: +ELLIPSIS
Traceback (most recent call last):
AssertionError: ... work as large as table 'W' (1000 rows): ...
"""

import html

from .accesses import Access, FunctionReading, TableSizedWork, Transfer

__all__ = [
    "Access",
    "Explanation",
    "TableSizedWork",
    "Transfer",
    "assert_sparse",
    "explain",
]


class Explanation:
    """
    lasagne_sparse.explain.Explanation(accesses, table_sized, transfers=())

    What a function does to its tables; prints as text, and as HTML in a notebook.

    Parameters
    ----------
    accesses : list of Access
        Work that grows with the rows that a call touches.
    table_sized : list of TableSizedWork
        Work that grows with the tables.
    transfers : list of Transfer
        What travels to a GPU or back.
    """

    def __init__(self, accesses, table_sized, transfers=()):
        self.accesses = list(accesses)
        self.table_sized = list(table_sized)
        self.transfers = list(transfers)

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

    def __str__(self):
        touched, sized, travelling = self._cells()
        texts = ["No rows of a table are touched."]
        if touched[1]:
            texts = [_as_text(*touched)]
        if sized[1]:
            texts.append("Table-sized work:\n" + _as_text(*sized))
        else:
            texts.append("Nothing is table-sized.")
        if travelling[1]:
            texts.append("To a GPU and back:\n" + _as_text(*travelling))
        return "\n\n".join(texts)

    __repr__ = __str__

    def _repr_html_(self):
        touched, sized, travelling = self._cells()
        parts = [_as_html(*touched)] if touched[1] else []
        if sized[1]:
            parts.append("<p>Table-sized work:</p>" + _as_html(*sized))
        else:
            parts.append("<p>Nothing is table-sized.</p>")
        if travelling[1]:
            parts.append("<p>To a GPU and back:</p>" + _as_html(*travelling))
        return "\n".join(parts)


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
        function looks rows up or writes rows.

    Returns
    -------
    Explanation
        It prints as a table: which tables are touched, by which Op, how many bytes
        a call moves for the rows that it touches, and each Op whose work grows with
        a table instead, with the lines of the program that made them.

    Raises
    ------
    TypeError
        If `function` is no compiled function, or one of `tables` is no shared
        variable.

    Notes
    -----
    Work is table-sized if an input or an output of an Op has a dimension that
    depends on the number of rows of a table, unless the Op only looks at it (a
    view), or reads or writes some rows of it in place.
    """
    reading = FunctionReading(function, tables)
    return Explanation(reading.accesses(), reading.table_sized(), reading.transfers())


def assert_sparse(function, tables=None):
    """Raises if a compiled function does work that grows with a table

    For tests: a call of a function that passes costs the same whatever the number
    of rows of its tables.

    Parameters
    ----------
    function : Theano function
        As `theano.function` returns it.
    tables : list of shared variables, optional
        The tables to look at; see :func:`explain`.

    Raises
    ------
    AssertionError
        If there is such work; it names each Op and the line that made it.
    TypeError
        As :func:`explain`.
    """
    work = explain(function, tables).table_sized
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
