"""Runs a program in a process of its own, which may hang or die"""

import os
import signal
import subprocess
import sys

import theano
from tree import ROOT

__all__ = ["environment", "run_program"]


def environment(flags="", **variables):
    """Returns the environment of a child that stays on the host

    Modules that a test compiled are there, as long as its linker is C.
    """
    given = "device=cpu,on_opt_error=raise,base_compiledir=%s,%s" % (
        theano.config.base_compiledir,
        flags,
    )
    return dict(
        os.environ,
        PYTHONPATH=os.pathsep.join([ROOT, os.path.join(ROOT, "tests")]),
        THEANO_FLAGS=given,
        **variables,
    )


def run_program(program, seconds=120, **variables):
    """Runs a program to its end, returns what it printed

    A program that takes longer is ended together with its children.
    """
    child = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program],
        env=environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        start_new_session=True,
    )
    try:
        told, _ = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        told = "still running after %d s: %s" % (seconds, child.communicate()[0])
    assert child.returncode == 0, told
    return told
