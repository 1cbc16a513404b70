"""On what machine, and with which versions, were the figures taken?"""

import json
import os
import platform
import subprocess

__all__ = ["available_bytes", "describe"]

VERSIONS = """
import json, sys
from importlib import metadata
names = %r
found = {}
for name in names:
    try:
        found[name] = metadata.version(name)
    except metadata.PackageNotFoundError:
        pass
found["python"] = sys.version.split()[0]
print(json.dumps(found))
"""


def read_field(path, field):
    """The first value of a ``field : value`` file, or None"""
    if os.path.exists(path):
        with open(path, encoding="ascii", errors="replace") as file:
            for line in file:
                name, _, value = line.partition(":")
                if name.strip() == field:
                    return value.strip()
    return None


def available_bytes():
    """Memory that a new process can have without swapping"""
    value = read_field("/proc/meminfo", "MemAvailable")
    return int(value.split()[0]) * 1024 if value else 0


def versions(python, names):
    """Versions of the named packages in an environment"""
    output = subprocess.check_output([python, "-c", VERSIONS % (names,)])
    return json.loads(output.decode())


def describe(python, peers):
    """Processor, memory, system and versions, as a dict of short strings"""
    ours = ["Theano", "Lasagne", "numpy", "scipy", "lasagne_sparse"]
    theirs = ["torch", "fbgemm-gpu-cpu", "gensim", "numpy"]
    memory = read_field("/proc/meminfo", "MemTotal")
    load = os.getloadavg()[0]
    return {
        "processor": read_field("/proc/cpuinfo", "model name") or platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(int(memory.split()[0]) / 2**20, 1) if memory else None,
        "system": platform.platform(terse=True),
        "load_at_start": round(load, 1),
        "versions": versions(python, ours),
        "peer_versions": versions(peers, theirs) if peers else {},
    }
