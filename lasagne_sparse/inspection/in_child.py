"""Asks in another process what may end the process that asks

Drivers of devices abort where they find no device as they like it: PoCL does where
``/sys`` is not mounted. Nothing of Theano's is imported here.
"""

import os
import signal
import subprocess
import sys

__all__ = ["ask", "outlive"]

#: Set in the process that makes the report: what ended an earlier one, or ''.
ENDED = "LASAGNE_SPARSE_REPORT_ENDED"
PACKAGE = __name__.split(".")[0]


def ask(program, *arguments, seconds=60):
    """Runs a program of Python in a child

    Parameters
    ----------
    program : str
    arguments : str
        What it finds in ``sys.argv[1:]``.
    seconds : float
        It is ended after that time.

    Returns
    -------
    lines : list of str
        What it printed.
    fault : str or None
        How it ended, if not well.

    Examples
    --------
    >>> ask("import os; print('before', flush=True); os.abort()")
    (['before'], 'it ends the process by SIGABRT')
    """
    try:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", program, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        return [], "it does not answer within %d s" % seconds
    fault = None
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [""])[-1]
        fault = ": ".join(filter(None, [_ending(done.returncode), said]))
    return done.stdout.splitlines(), fault


def outlive(seconds=1800):
    """Makes the report in a child, if this is ``python -m lasagne_sparse``

    Python imports the package before the module that it runs, and the package imports
    Theano, which opens the device of its flags. So this is called first of all. If the
    child's process is ended, another one makes the report without the device, and
    tells. Returns in the child, and in any other program; else it exits.
    """
    if ENDED in os.environ or not _is_report():
        return
    code = _run_report("", seconds)
    if code < 0:
        code = _run_report(_ending(code), seconds)
        if code < 0:
            print("The report cannot be made: on the CPU too, %s." % _ending(code))
        code = 1
    sys.exit(code)


def _is_report():
    """Tells whether Python is about to run the package as a module."""
    # While Python looks for the module of -m, that is what argv begins with.
    if sys.argv[:1] != ["-m"]:
        return False
    command = _command()
    return "-m" + PACKAGE in command or (
        "-m" in command and command[command.index("-m") + 1 :][:1] == [PACKAGE]
    )


def _command():
    """Returns the words by which this process was started."""
    if hasattr(sys, "orig_argv"):  # since Python 3.10
        return list(sys.orig_argv)
    try:
        with open("/proc/self/cmdline", "rb") as file:
            return [os.fsdecode(word) for word in file.read().split(b"\0")[:-1]]
    except OSError:
        return []


def _run_report(ended, seconds):
    """Runs this process's command anew; ``ended`` says what became of the last one."""
    environment = dict(os.environ, **{ENDED: ended})
    if ended:
        flags = os.environ.get("THEANO_FLAGS", "") + ",device=cpu,contexts="
        environment["THEANO_FLAGS"] = flags.lstrip(",")
    try:
        return subprocess.call(
            [sys.executable] + _command()[1:], env=environment, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        return -signal.SIGKILL


def _ending(code):
    """Puts a return code into words; a negative one is a signal."""
    if code >= 0:
        return ""
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = "signal %d" % -code
    return "it ends the process by " + name
