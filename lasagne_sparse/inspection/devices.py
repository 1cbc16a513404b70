"""Looks at the device that Theano uses, and at the others that there are

Each is opened in a process of its own, which it may end.
"""

import importlib
import importlib.util
import os

import theano

from ..compat import Trouble
from .in_child import ENDED, ask

__all__ = ["devices"]

PYGPU = (
    "Only a GPU needs it. Debian 12, for its own Python 3.11: apt-get install "
    "python3-pygpu libgpuarray-dev libclblast-dev pocl-opencl-icd"
)

#: Prints versions, then what ``device=`` may name, as far as drivers tell.
LIST = """
import os, pygpu
print(pygpu.__version__)
print('.'.join(map(str, pygpu.gpuarray.abi_version())))
print(os.path.dirname(pygpu.__file__), flush=True)
for kind in ('cuda', 'opencl'):
    try:
        for p in range(pygpu.gpuarray.count_platforms(kind)):
            for d in range(pygpu.gpuarray.count_devices(kind, p)):
                name = 'cuda%d' % d if kind == 'cuda' else 'opencl%d:%d' % (p, d)
                print(name, flush=True)
    except pygpu.gpuarray.GpuArrayException:
        pass  # this machine has no driver of this kind
"""

#: Prints what a device is.
OPEN = """
import sys, pygpu
print(pygpu.init(sys.argv[1]).devname)
"""


def devices():
    """Looks at the device that Theano uses, and at the others that there are

    Returns
    -------
    lines : list of (str, str)
        Name and description.
    troubles : list of Trouble
        What is off.
    """
    wanted = _wanted_device()
    line = ("device", "%s, floatX=%s" % (wanted, theano.config.floatX))
    ended = os.environ.get(ENDED)
    if ended:
        return [line] + _pygpu(wanted)[0], [_ended(ended)]
    lines, troubles = _pygpu(wanted)
    return [line] + lines, troubles


def _wanted_device():
    return theano.config.device


def _ended(how):
    return Trouble(
        "With the flags as they are nothing runs: %s" % how,
        "This report was made with device=cpu instead. Look at the devices under "
        "pygpu; then change or leave out device= in THEANO_FLAGS or ~/.theanorc.",
    )


def _pygpu(wanted):
    """Returns lines about pygpu and the devices that it finds, and troubles."""
    if not importlib.util.find_spec("pygpu"):
        troubles = [Trouble("device=%s asks for pygpu" % wanted, PYGPU)]
        lines = [("pygpu", "not installed. " + PYGPU)]
        return lines, troubles if wanted != "cpu" else []
    told, fault = ask(LIST)
    if len(told) < 3:
        trouble = Trouble("pygpu does not import: %s" % fault, PYGPU)
        return [("pygpu", "broken")], [trouble]
    lines = [("pygpu", "%s, libgpuarray %s  %s" % tuple(told[:3]))]
    lines += [("", "%s: %s" % (name, _name(name))) for name in told[3:]]
    if fault:
        lines.append(("", "asked for its devices, %s" % fault))
    return lines, _idle_device(wanted)


def _name(device):
    """Returns what a device is, or why it cannot be used."""
    told, fault = ask(OPEN, device)
    return "does not start (%s)" % fault if fault else "".join(told[-1:])


def _idle_device(wanted):
    if wanted == "cpu":
        return []
    gpuarray = importlib.import_module("theano.gpuarray")
    if gpuarray.pygpu_activated:
        return []
    return [
        Trouble(
            "Theano did not start device=%s and computes on the CPU" % wanted,
            "Its message stands above; the devices that there are stand under pygpu.",
        )
    ]
