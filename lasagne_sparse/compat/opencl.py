"""Makes Theano 1.0.5's kernels for GPUs compile on OpenCL devices

They are written so that one source serves CUDA and OpenCL, but some were only ever
compiled by CUDA's compiler. :func:`mend_opencl` calls :func:`mend_kernels` where Theano
uses an OpenCL device.
"""

import re
import sys

from .records import Mend, mends

__all__ = [
    "mend_kernels",
    "mend_opencl",
    "with_local_variables_first",
    "with_whole_conditions",
    "without_c_nan",
]

# Modules that were compiled from kernels as Theano wrote them are not used again.
VERSION = 2

_CONDITION = re.compile(r"= (\w+) \? ")
_LOCAL_VARIABLES = re.compile(r"^ *LOCAL_MEM \w+ \w+(?:, \w+)*;\n", re.MULTILINE)


def with_local_variables_first(code):
    """Declares a kernel's variables in local memory where OpenCL wants them

    Parameters
    ----------
    code : str
        The source of a kernel.

    Returns
    -------
    str
        The same, with those declarations at the kernel's beginning: OpenCL forbids
        them in inner blocks. They have no initial values, so nothing else changes.

    Examples
    --------
    >>> print(with_local_variables_first('''KERNEL void k() {
    ...   for (;;) {
    ...     LOCAL_MEM float sum;
    ...   }
    ... }'''))
    KERNEL void k() {
         LOCAL_MEM float sum;
      for (;;) {
      }
    }
    """
    declarations = "".join(_LOCAL_VARIABLES.findall(code))
    if not declarations:
        return code
    signature, brace, body = _LOCAL_VARIABLES.sub("", code).partition("{\n")
    return signature + brace + declarations + body


def without_c_nan(code):
    """Writes "not a number" as OpenCL does

    Parameters
    ----------
    code : str
        The source of an elementwise operation, such as ``maximum``.

    Returns
    -------
    str
        The same with ``NAN`` for ``nan("")``, a function of C that OpenCL lacks.

    Examples
    --------
    >>> print(without_c_nan('o0 = i0 > i1 ? i0 : nan("");'))
    o0 = i0 > i1 ? i0 : NAN;
    """
    return code.replace('nan("")', "NAN")


def with_whole_conditions(code):
    """Compares what chooses between two values with zero

    Parameters
    ----------
    code : str
        The source of an elementwise operation, such as ``switch``.

    Returns
    -------
    str
        The same. OpenCL takes no float for a condition, and libgpuarray crashes where
        a kernel does not compile.

    Examples
    --------
    >>> print(with_whole_conditions("o0 = i0 ? i1 : i2;"))
    o0 = (i0 != 0) ? i1 : i2;
    """
    return _CONDITION.sub(r"= (\1 != 0) ? ", code)


def mend_opencl(theano):
    """Mends the kernels where Theano uses an OpenCL device

    Parameters
    ----------
    theano : module
    """
    uses = [theano.config.device, theano.config.contexts]
    if not any("opencl" in use for use in uses):
        return
    # Theano has imported its part for GPUs; where it could not, it has said so.
    if not getattr(sys.modules.get("theano.gpuarray"), "pygpu_activated", False):
        return
    for name in mend_kernels():
        mends.append(Mend(name, "its source was never compiled for OpenCL"))


def mend_kernels():
    """Has Theano write kernels that OpenCL compiles

    Returns
    -------
    list of str
        What was mended.
    """
    from theano.gpuarray.basic_ops import GpuKernelBase
    from theano.gpuarray.elemwise import GpuElemwise

    write_kernel = GpuKernelBase._generate_kernel_code
    kernel_version = GpuKernelBase.kernel_version
    write_operation = GpuElemwise._generate_op_string
    operation_version = GpuElemwise.c_code_cache_version

    # A program may use CUDA devices too: CUDA's compiler takes these forms as well.
    def _generate_kernel_code(self, k):
        k.code = with_local_variables_first(k.code)
        return write_kernel(self, k)

    def _generate_op_string(self, node):
        support_code, code = write_operation(self, node)
        return support_code, with_whole_conditions(without_c_nan(code))

    def with_ours(version):
        def extended(self, *args):
            given = version(self, *args)
            return given and given + (VERSION,)

        return extended

    GpuKernelBase._generate_kernel_code = _generate_kernel_code
    GpuKernelBase.kernel_version = with_ours(kernel_version)
    GpuElemwise._generate_op_string = _generate_op_string
    GpuElemwise.c_code_cache_version = with_ours(operation_version)
    return [
        "theano.gpuarray: local variables of kernels",
        "theano.gpuarray: maximum and minimum",
        "theano.gpuarray: switch by a float",
    ]
