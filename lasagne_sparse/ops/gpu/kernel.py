"""The kernel of a row update, written from its program.

One text serves CUDA and OpenCL, by libgpuarray's ``cluda.h``. The arithmetic is that
of the program's scalar composites, as on the CPU. The threads of a block stand in a
rectangle: those side by side share a row, and each has its own units of it; a block
has several rows where rows are short. A thread adds up the lookups of a row in their
order, so the result has the same bits in each run.
"""

from collections import namedtuple

from pygpu.gpuarray import dtype_to_ctype
from theano.gpuarray.fp16_help import load_w, write_w

from ..programs.row_program import Slot, composites
from .scalars import c_code, ctype, on_gpu, support_code

__all__ = ["Array", "KERNEL", "THREADS", "row_kernel"]

#: The threads of a block, as in ``gpu/rows.h``.
THREADS = 128

#: The name of the kernel.
KERNEL = "row_kernel"

#: An array as the kernel sees it: its dtype; ``by_value`` if it is one number, passed
#: as an argument.
Array = namedtuple("Array", ["dtype", "by_value"])

_KERNEL = """#include "cluda.h"
#ifdef __OPENCL_VERSION__
#define nan(text) NAN  /* OpenCL's takes no text */
#endif
%(support)s
KERNEL void %(kernel)s(
    GLOBAL_MEM const ga_long *plan, const ga_size plan_offset,
    const ga_long num_rows, const ga_long num_lookups%(parameters)s)
{
    plan = (GLOBAL_MEM const ga_long *)((GLOBAL_MEM const char *)plan + plan_offset);
    GLOBAL_MEM const ga_long *rows = plan + %(head)d;
    GLOBAL_MEM const ga_long *order = rows + num_rows;
    GLOBAL_MEM const ga_long *offsets = order + num_lookups;
    const ga_long num_units = plan[0];
    const ga_long resident = (ga_long)GID_0 * LDIM_1 + LID_1;
%(layouts)s
    for (ga_long start = (ga_long)GID_0 * LDIM_1; start < num_rows;
         start += (ga_long)GDIM_0 * LDIM_1) {
        const ga_long u = start + LID_1;
        const int active = u < num_rows;
        const ga_long row = active ? rows[u] : 0;
        const ga_long begin = active ? offsets[u] : 0;
        const ga_long end = active ? offsets[u + 1] : 0;
%(reads)s
%(steps)s
    }
}
"""

#: A sum over the lookups of a row, in their order.
_SUM = """
for (ga_long j = begin; j < end; j++) {
    const ga_long position = order[j];
    %(value)s
    %(target)s = j == begin ? next : %(target)s + next;
}"""

#: Sums over the units of a row: each thread's part, then in pairs, in a fixed order.
_TOTAL = """
partial_%(type)s[LID_1 * LDIM_0 + LID_0] = total_%(i)d;
for (int half_width = LDIM_0 / 2; half_width > 0; half_width /= 2) {
    local_barrier();
    if (LID_0 < half_width)
        partial_%(type)s[LID_1 * LDIM_0 + LID_0] +=
            partial_%(type)s[LID_1 * LDIM_0 + LID_0 + half_width];
}
local_barrier();
number_%(i)d = (%(number)s)partial_%(type)s[LID_1 * LDIM_0];
local_barrier();
"""


def row_kernel(program, arrays, row_dims):
    """Writes the kernel of a row update

    Parameters
    ----------
    program : RowProgram
    arrays : list of Array
        The tables, then the arrays of the operands.
    row_dims : int
        The rank of a row.

    Returns
    -------
    text : str
        The kernel; its arguments are the plan (see ``gpu/rows.h``) and its
        offset, the numbers of rows and of lookups, then each array, and memory for
        buffers if there are any.
    dtypes : set of str
        All that it computes with.
    """
    writer = _Writer(program, arrays, row_dims)
    return writer.text(), writer.dtypes


class _Writer:
    """Writes one kernel."""

    def __init__(self, program, arrays, row_dims):
        self.program, self.arrays, self.row_dims = program, arrays, row_dims
        self.head = 1 + row_dims + len(arrays) * (3 + row_dims)
        self.starts, start = [], len(program.tables)  # of each operand's arrays
        for operand in program.operands:
            self.starts.append(start)
            start += operand.count
        self.composites = [on_gpu(composite) for composite in composites(program)]
        self.dtypes = {array.dtype for array in arrays} | {"int64"}
        for composite in self.composites:
            self.dtypes |= {v.dtype for v in composite.fgraph.variables}
        for step in program.steps:
            self.dtypes |= {store.total for store in step.stores if store.total}
        self.dtypes |= set(program.numbers) | set(program.buffers)

    def text(self):
        """Returns the text of the kernel"""
        steps = [
            self._step(*pair)
            for pair in zip(
                self.program.steps, self.composites[len(self.program.sums) :]
            )
        ]
        return _KERNEL % dict(
            kernel=KERNEL,
            support="\n".join(dict.fromkeys(support_code(c) for c in self.composites)),
            parameters="".join(self._parameters()),
            head=self.head,
            layouts="\n".join(self._layouts()),
            reads="\n".join(self._reads()),
            steps="\n".join(steps),
        )

    def _parameters(self):
        for k, array in enumerate(self.arrays):
            if array.by_value:
                yield ", const %s value_%d" % (dtype_to_ctype(array.dtype), k)
            else:
                yield ", GLOBAL_MEM char *array_%d" % k
        if self.program.buffers:
            yield ", GLOBAL_MEM char *buffers"

    def _layouts(self):
        """Declares what is the same for all rows."""
        for i in range(self.row_dims):
            yield "const ga_long dim_%d = plan[%d];" % (i, 1 + i)
        for k, array in enumerate(self.arrays):
            if array.by_value:
                continue
            at = 1 + self.row_dims + k * (3 + self.row_dims)
            yield "array_%d += plan[%d];" % (k, at)
            yield "const ga_long step_%d = plan[%d];" % (k, at + 1)
            yield "const ga_long length_%d = plan[%d];" % (k, at + 2)
            for i in range(self.row_dims):
                yield "const ga_long stride_%d_%d = plan[%d];" % (k, i, at + 3 + i)
        totals = {s.total for step in self.program.steps for s in step.stores}
        for dtype in sorted(totals - {None}):
            yield "LOCAL_MEM %s partial_%s[%d];" % (ctype(dtype), ctype(dtype), THREADS)
        for i, dtype in enumerate(self.program.buffers):
            yield (
                "GLOBAL_MEM %s *buffer_%d = (GLOBAL_MEM %s *)(buffers + "
                "(resident * %d + %d) * num_units * 8);"
                % (ctype(dtype), i, ctype(dtype), len(self.program.buffers), i)
            )

    # Reading

    def _element(self, k, row, units):
        """The expression of an element: of array `k`, in a row, at unit `d`."""
        address = "array_%d + (%s) * step_%d" % (k, row, k)
        if units:
            address += "".join(
                " + at_%d * stride_%d_%d" % (i, k, i) for i in range(self.row_dims)
            )
        dtype = self.arrays[k].dtype
        return "%s(*(GLOBAL_MEM %s *)(%s))" % (
            load_w(dtype),
            dtype_to_ctype(dtype),
            address,
        )

    def _element_of_many(self, i, units):
        """The same for row ``position`` of all arrays of operand `i` together."""
        last = self.starts[i] + self.program.operands[i].count - 1
        text, before = "", ""
        for k in range(self.starts[i], last):
            element = self._element(k, "position" + before, units)
            text += "position%s < length_%d ? %s : " % (before, k, element)
            before += " - length_%d" % k
        return text + self._element(last, "position" + before, units)

    def _summed(self, i, target, units):
        """Adds up what an operand has at the lookups of a row."""
        return _SUM % dict(
            value="const %s next = %s;"
            % (self._ctype(Slot("operand", i)), self._element_of_many(i, units)),
            target=target,
        )

    def _sum(self, i, target):
        """Adds up what a composite makes of the lookups of a row."""
        part, composite = self.program.sums[i], self.composites[i]
        inputs = ["z%d_%d" % (i, k) for k in range(len(part.inputs))]
        lines = [self._read_unit(z, slot) for z, slot in zip(inputs, part.inputs)]
        lines.append("%s next;" % self._ctype(Slot("sum", i)))
        lines.append(c_code(composite, inputs, ["next"]))
        return _SUM % dict(value="\n".join(lines), target=target)

    def _dtype(self, slot):
        if slot.kind == "table":
            return self.arrays[slot.position].dtype
        if slot.kind == "operand":
            operand = self.program.operands[slot.position]
            if operand.kind == "count":
                return "int64"
            return self.arrays[self.starts[slot.position]].dtype
        if slot.kind == "sum":
            return self.program.sums[slot.position].composite.outputs[0].dtype
        kind = self.program.numbers if slot.kind == "number" else self.program.buffers
        return kind[slot.position]

    def _kind(self, slot):
        return self.program.operands[slot.position].kind

    def _ctype(self, slot):
        return ctype(self._dtype(slot))

    def _has_units(self, slot):
        if slot.kind == "table":
            return self.program.tables[slot.position] == "unit"
        if slot.kind == "operand":
            return self.program.operands[slot.position].scope == "unit"
        if slot.kind == "sum":
            return self.program.sums[slot.position].scope == "unit"
        return slot.kind == "buffer"

    def _reads(self):
        """Declares the numbers of a row, and reads those that are there."""
        barrier = False
        for i, scope in enumerate(self.program.tables):
            if scope == "row":
                barrier = True
                yield "const %s table_%d = active ? %s : 0;" % (
                    self._ctype(Slot("table", i)),
                    i,
                    self._element(i, "row", False),
                )
        for i, operand in enumerate(self.program.operands):
            if operand.scope == "row" and operand.kind != "lookup":
                yield "%s operand_%d = 0;" % (self._ctype(Slot("operand", i)), i)
                yield "if (active) {%s}" % self._read_number(i, operand)
        for i, part in enumerate(self.program.sums):
            if part.scope == "row":
                name = "sum_%d" % i
                yield "%s %s = 0;" % (self._ctype(Slot("sum", i)), name)
                yield "if (active) {%s}" % self._sum(i, name)
        for i, dtype in enumerate(self.program.numbers):
            yield "%s number_%d = 0;" % (ctype(dtype), i)
        if barrier:
            # the first thread of a row writes what all of them have read
            yield "local_barrier();"

    def _read_number(self, i, operand):
        k, name = self.starts[i], "operand_%d" % i
        if operand.kind == "count":
            return "%s = end - begin;" % name
        if operand.kind == "summed":
            return self._summed(i, name, False)
        if operand.kind == "last":
            element = self._element_of_many(i, False)
            return "const ga_long position = order[end - 1]; %s = %s;" % (name, element)
        if self.arrays[k].by_value:
            return "%s = %s(value_%d);" % (name, load_w(self.arrays[k].dtype), k)
        where = {"aligned": "u", "gathered": "row", "shared": "0"}[operand.kind]
        return "%s = %s;" % (name, self._element(k, where, False))

    def _read_unit(self, x, slot):
        """Declares and reads an input of a step."""
        declaration = "%s %s" % (self._ctype(slot), x)
        if slot.kind == "operand" and self._kind(slot) == "lookup":
            element = self._element(
                self.starts[slot.position], "position", self._has_units(slot)
            )
            return "const %s = %s;" % (declaration, element)
        if not self._has_units(slot):
            return "const %s = %s_%d;" % (declaration, slot.kind, slot.position)
        if slot.kind == "sum":
            return declaration + " = 0;" + self._sum(slot.position, x)
        if slot.kind == "buffer":
            return "const %s = buffer_%d[d];" % (declaration, slot.position)
        if slot.kind == "table":
            element = self._element(slot.position, "row", True)
            return "const %s = %s;" % (declaration, element)
        operand, k = self.program.operands[slot.position], self.starts[slot.position]
        if operand.kind == "summed":
            return declaration + " = 0;" + self._summed(slot.position, x, True)
        if operand.kind == "last":
            element = self._element_of_many(slot.position, True)
            return "%s; {const ga_long position = order[end - 1]; %s = %s;}" % (
                declaration,
                x,
                element,
            )
        where = {"aligned": "u", "gathered": "row", "shared": "0"}[operand.kind]
        return "const %s = %s;" % (declaration, self._element(k, where, True))

    # Computing

    def _step(self, step, composite):
        """Writes a step: a loop over the units, or one evaluation per row."""
        inputs = ["x%d" % i for i in range(len(step.inputs))]
        outputs = ["y%d" % i for i in range(composite.nout)]
        lines = [self._read_unit(x, slot) for x, slot in zip(inputs, step.inputs)]
        for y, scalar in zip(outputs, composite.outputs):
            lines.append("%s %s;" % (ctype(scalar.dtype), y))
        lines.append(c_code(composite, inputs, outputs))
        units = step.scope == "unit"
        lines += [self._store(store, units) for store in step.stores]
        body = "\n".join(lines)
        if not units:
            return "if (active) {\n%s\n}" % body
        totals = [store for store in step.stores if store.total is not None]
        return "{\n%s\nif (active) for (ga_long d = LID_0; d < num_units; " % "\n".join(
            "%s total_%d = 0;" % (ctype(s.total), s.target.position) for s in totals
        ) + "d += LDIM_0) {\n%s\n%s\n}\n%s\n}" % (
            self._unit(),
            body,
            "\n".join(self._total(store) for store in totals),
        )

    def _unit(self):
        """Finds unit `d` along each axis of a row."""
        lines = ["ga_long rest = d;"] if self.row_dims > 1 else []
        for i in range(self.row_dims - 1, 0, -1):
            lines.append("const ga_long at_%d = rest %% dim_%d;" % (i, i))
            lines.append("rest /= dim_%d;" % i)
        if self.row_dims:
            source = "rest" if self.row_dims > 1 else "d"
            lines.append("const ga_long at_0 = %s;" % source)
        return "\n".join(lines)

    def _total(self, store):
        return _TOTAL % dict(
            i=store.target.position,
            type=ctype(store.total),
            number=self._ctype(store.target),
        )

    def _store(self, store, units):
        """Writes what becomes of one output of a composite."""
        target, y = store.target, "y%d" % store.position
        if store.total is not None:
            return "total_%d += (%s)%s;" % (target.position, ctype(store.total), y)
        value = "(%s)%s" % (self._ctype(target), y)
        if target.kind == "table":
            k, dtype = target.position, self._dtype(target)
            element = self._element(k, "row", units)
            place = element[len(load_w(dtype)) :]
            text = "%s = %s(%s);" % (place, write_w(dtype), value)
            return text if units else "if (LID_0 == 0) " + text
        if target.kind == "buffer":
            return "buffer_%d[d] = %s;" % (target.position, value)
        return "number_%d = %s;" % (target.position, value)
