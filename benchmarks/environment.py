"""Builds the second environment, with the peers: PyTorch, FBGEMM and gensim.

They do not run beside Theano 1.0.5 (they want a NumPy that breaks it), so they live
in ``.venv-peers`` beside the project's own environment. ``LASAGNE_SPARSE_PEERS`` may
name the Python of another environment that has them already.
"""

import os
import shutil
import subprocess
import sys

__all__ = ["PACKAGES", "find_peers"]

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDER = os.path.join(ROOT, ".venv-peers")
PACKAGES = [
    "torch==2.13.0",
    "fbgemm-gpu-cpu==1.8.0",
    "gensim==4.4.0",
    "numpy==2.4.6",
    "scipy==1.17.1",
]
# PyTorch 2.13 has wheels for these.
PYTHONS = ["python3.11", "python3.12", "python3.13", "python3.10"]


def has_peers(python):
    """Whether this interpreter imports all of them"""
    if not os.path.exists(python):
        return False
    command = [python, "-c", "import torch, fbgemm_gpu, gensim"]
    return subprocess.call(command, stderr=subprocess.DEVNULL) == 0


def build():
    """Makes ``.venv-peers``; raises subprocess.CalledProcessError if pip fails"""
    python = next((name for name in PYTHONS if shutil.which(name)), sys.executable)
    subprocess.check_call([python, "-m", "venv", FOLDER])
    pip = [os.path.join(FOLDER, "bin", "python"), "-m", "pip", "install", "--quiet"]
    subprocess.check_call(pip + PACKAGES)


def find_peers():
    """The Python of the peers' environment, which is built where it is not there

    Returns
    -------
    str or None
        None where it could not be built: why is on standard error, and the benchmark
        goes on without the peers.
    """
    python = os.environ.get(
        "LASAGNE_SPARSE_PEERS", os.path.join(FOLDER, "bin", "python")
    )
    if has_peers(python):
        return python
    print("building the peers' environment in " + FOLDER, file=sys.stderr)
    try:
        build()
    except (OSError, subprocess.CalledProcessError) as error:
        print(
            "expected to install %s, but %s: going on without the peers; install them "
            "yourself and name that Python in LASAGNE_SPARSE_PEERS"
            % (" ".join(PACKAGES), error),
            file=sys.stderr,
        )
        return None
    return os.path.join(FOLDER, "bin", "python")
