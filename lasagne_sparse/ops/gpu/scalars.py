"""The C of scalar operations, with the names and types that a GPU has"""

import numpy as np
import theano
from pygpu.gpuarray import dtype_to_ctype
from theano.gpuarray.fp16_help import work_dtype

__all__ = ["c_code", "ctype", "on_gpu", "support_code"]


def ctype(dtype):
    """Returns the name that libgpuarray gives to a dtype, for work in registers"""
    return dtype_to_ctype(work_dtype(str(np.dtype(dtype))))


def on_gpu(composite):
    """Returns a composite whose float16 variables are float32: what a GPU computes."""
    if any(v.dtype == "float16" for v in composite.fgraph.variables):
        return composite.clone_float32()
    return composite


def c_code(composite, inputs, outputs):
    """Returns the composite's C, with libgpuarray's names of the types."""
    text = composite.c_code(None, "elem_scalar", inputs, outputs, dict(fail=""))
    for dtype in sorted(_CTYPES, key=len, reverse=True):
        text = text.replace("npy_" + dtype, _CTYPES[dtype])
    return text


def support_code(composite):
    """Returns the C that the composite's functions need, if any."""
    try:
        return composite.c_support_code()
    except theano.gof.utils.MethodNotDefined:
        return ""


_CTYPES = {
    dtype: dtype_to_ctype(dtype)
    for dtype in ["bool", "float16", "float32", "float64"]
    + [sign + "int%d" % bits for sign in ("", "u") for bits in (8, 16, 32, 64)]
}
