"""Runs the compiler for several modules at a time

A job is one call of Theano's ``compile_str`` into a folder of its own, without the
import of what comes of it. The threads only wait for compilers; all else is done by
the thread that asked.
"""

import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed

from . import precompiled_header
from .c_sources import edited

__all__ = ["Job", "cores", "fails_silently", "in_order", "run_jobs"]

_in_pool = threading.local()


class _Failed(BaseException):
    """A compile of the pool's came to nothing

    Theano prints a page about an Exception. Nobody needs it here: Theano compiles what
    the pool did not, and prints the page if that fails as well.
    """


class Job:
    """One module to compile

    Parameters
    ----------
    key : tuple
        The key by which Theano knows the module.
    linker : theano.gof.cc.CLinker
        Writes its text.

    Attributes
    ----------
    name : str
        The Op, for the progress bar.
    folder : str or None
        Where the compiled module lies once `run` is done.
    """

    def __init__(self, key, linker):
        self.key, self.linker, self.folder = key, linker, None
        self.name = str(linker.node_order[0].op)
        module = linker.get_dynamic_module()
        # Here, since compile_str takes what Python does not import for no module.
        self.text = edited(module.code_hash, module.code())
        self.arguments = {
            "module_name": module.code_hash,
            "include_dirs": linker.header_dirs(),
            "lib_dirs": linker.lib_dirs(),
            "libs": linker.libraries(),
            "preargs": linker.compile_args(),
        }
        self.alike = 1  # how many of the jobs have its options

    @property
    def options(self):
        """The options for the compiler, hashable"""
        return tuple(self.arguments["preargs"])

    def run(self, compile_str, new_folder):
        """Compiles the module into a folder

        Parameters
        ----------
        compile_str : callable
            Theano's, with all mends.
        new_folder : callable
            Makes a folder, and returns its path.

        Returns
        -------
        Job
            Itself, with its `folder` if the compiler was content.
        """
        _in_pool.yes = True
        precompiled_header.announce(self.alike)
        folder = new_folder()
        try:
            compile_str(
                src_code=self.text, location=folder, py_module=False, **self.arguments
            )
        except (Exception, _Failed):
            shutil.rmtree(folder, ignore_errors=True)
        else:
            self.folder = folder
        return self


def fails_silently(run):
    """Wraps Theano's call of the compiler: in the pool a failure prints nothing

    Parameters
    ----------
    run : callable
        Returns a tuple: what was printed, the errors, the exit status.

    Returns
    -------
    callable
    """

    def output_subprocess_Popen(command, **params):
        if not getattr(_in_pool, "yes", False):
            return run(command, **params)
        try:
            done = run(command, **params)
        except Exception as error:
            raise _Failed from error
        if done[2]:
            raise _Failed
        return done

    return output_subprocess_Popen


def cores():
    """Returns the number of processor cores that this process may use"""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        return os.cpu_count() or 1


def in_order(jobs):
    """Sorts jobs so that all of the cores are busy to the end

    The first one makes the header that most of the others wait for; those that need
    another one do not wait; of the rest the longest come first.

    Parameters
    ----------
    jobs : list of Job

    Returns
    -------
    list of Job
    """
    counts = {}
    for job in jobs:
        counts[job.options] = counts.get(job.options, 0) + 1
    for job in jobs:
        job.alike = counts[job.options]
    most = max(counts, key=counts.get)
    first, others, rest = [], [], []
    for job in sorted(jobs, key=lambda job: len(job.text), reverse=True):
        if job.options != most:
            others.append(job)
        elif first:
            rest.append(job)
        else:
            first.append(job)
    return first + others + rest


def run_jobs(jobs, compile_str, new_folder, meanwhile):
    """Compiles modules side by side, and yields each when it is done

    Parameters
    ----------
    jobs : list of Job
    compile_str : callable
        See :meth:`Job.run`.
    new_folder : callable
        See :meth:`Job.run`.
    meanwhile : callable
        Called once, while the compilers run.

    Yields
    ------
    Job
        In the order in which they finish. When the caller stops, what has not begun
        is left, and what runs is waited for.
    """
    with ThreadPoolExecutor(min(cores(), len(jobs))) as pool:
        futures = []
        try:
            for job in in_order(jobs):
                futures.append(pool.submit(job.run, compile_str, new_folder))
            meanwhile()
            for future in as_completed(futures):
                yield future.result()
        finally:
            for future in futures:
                future.cancel()
