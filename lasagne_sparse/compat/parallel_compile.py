"""Compiles the modules of a function side by side

Theano 1.0 asks for the modules of a function one after the other, and runs one compiler
at a time. Here, before its linker begins, the modules that the cache lacks are compiled
on all cores, into folders of their own. Then Theano's own cache is asked for each, by
Theano's own path: where that would call the compiler it finds the work done. So what
lies in the cache afterwards is what Theano would have put there, and what went wrong on
the way is compiled by Theano as ever, which then reports it.

Theano's lock is held meanwhile: of processes that compile the same at the same time the
first does the work, and the others find it done. They look for the lock five times a
second, where Theano does every five to ten seconds.
"""

import os
import shutil
from contextlib import contextmanager

from .compile_pool import Job, fails_silently, run_jobs
from .compile_progress import progress
from .fast_compile import compiles_fast

__all__ = ["lets_go_of_lock", "mend"]

#: Seconds between two looks for the lock, at least and at most.
WAIT = {"min_wait": 0.1, "max_wait": 0.3}

_linkers = {}  # node: its CLinker, while a function is linked
_compiled = {}  # what a module is compiled of: the folder in which it is done


def mend(theano):
    """Has Theano's linkers compile all that they lack before they begin

    Parameters
    ----------
    theano : module

    Returns
    -------
    name, why : str
    """
    from theano.gof import Op, cmodule
    from theano.gof.cc import OpWiseCLinker
    from theano.gof.vm import VM_Linker

    for linker_class in (VM_Linker, OpWiseCLinker):
        linker_class.make_all = _compiles_first(theano, linker_class.make_all)
    Op.make_c_thunk = _uses_linkers(Op.make_c_thunk)
    compiler = cmodule.GCC_compiler
    compiler.compile_str = staticmethod(_takes_compiled(compiler.compile_str))
    run = fails_silently(cmodule.output_subprocess_Popen)
    cmodule.output_subprocess_Popen = run
    return (
        "theano.gof: modules are compiled side by side",
        "one compiler ran at a time, whatever the number of cores",
    )


def _compiles_first(theano, make_all):
    """Wraps a linker's ``make_all``"""
    from theano.gof.cc import OpWiseCLinker

    def compiling_first(self, *args, **kwargs):
        if not compiles_fast(theano) or getattr(self, "c_thunks", None) is False:
            return make_all(self, *args, **kwargs)
        nodes = list(self.fgraph.apply_nodes)
        try:
            with lets_go_of_lock():
                # A VM_Linker recycles nothing at each call, and so has no need to say
                # what must not be.
                kept = self.no_recycling if isinstance(self, OpWiseCLinker) else []
                _linkers.update(_linkers_of(nodes, kept))
                _compile_missing([_linkers[node] for node in nodes if node in _linkers])
                return make_all(self, *args, **kwargs)
        finally:
            for node in nodes:
                _linkers.pop(node, None)

    return compiling_first


def _uses_linkers(make_c_thunk):
    """Wraps ``Op.make_c_thunk``: goes on with the linker of a node that has one

    So keys are computed and texts are written once.
    """

    def using_linkers(self, node, storage_map, compute_map, no_recycling):
        linker = _linkers.pop(node, None)
        if linker is None:
            return make_c_thunk(self, node, storage_map, compute_map, no_recycling)
        inputs = [storage_map[variable] for variable in node.inputs]
        outputs = [storage_map[variable] for variable in node.outputs]
        thunk, _, _ = linker.make_thunk(input_storage=inputs, output_storage=outputs)

        def run():
            thunk()
            for variable in node.outputs:
                compute_map[variable][0] = True

        run.thunk, run.cthunk = thunk, thunk.cthunk
        run.inputs, run.outputs = inputs, outputs
        run.lazy = False
        return run

    return using_linkers


def _takes_compiled(compile_str):
    """Wraps ``GCC_compiler.compile_str``: takes what is compiled already"""
    from theano.gof import cmodule

    def taking_compiled(
        module_name,
        src_code,
        location=None,
        include_dirs=None,
        lib_dirs=None,
        libs=None,
        preargs=None,
        py_module=True,
        hide_symbols=True,
    ):
        made_of = _made_of(module_name, include_dirs, lib_dirs, libs, preargs)
        folder = _compiled.pop(made_of, None) if py_module else None
        if folder is not None:
            name = "%s.%s" % (module_name, cmodule.get_lib_extension())
            for file in ("mod.cpp", name):
                os.replace(os.path.join(folder, file), os.path.join(location, file))
            shutil.rmtree(folder, ignore_errors=True)
            open(os.path.join(location, "__init__.py"), "w").close()
            return cmodule.dlimport(os.path.join(location, name))
        return compile_str(
            module_name,
            src_code,
            location=location,
            include_dirs=include_dirs,
            lib_dirs=lib_dirs,
            libs=libs,
            preargs=preargs,
            py_module=py_module,
            hide_symbols=hide_symbols,
        )

    return taking_compiled


def _made_of(module_name, *lists):
    # The name is a hash of the text.
    return (module_name, *(tuple(given or ()) for given in lists))


def _linkers_of(nodes, no_recycling):
    """Prepares nodes as Theano would, each of which has C of its own

    Returns a dictionary of linkers, which know their keys. Nodes that Theano treats in
    another way are left to it, and those whose C cannot be had: it will say why.
    """
    from theano.gof import FunctionGraph
    from theano.gof.cc import CLinker

    linkers = {}
    for node in nodes:
        if not _is_plain(node):
            continue
        try:
            node.op.prepare_node(node, None, None, "c")
            graph = FunctionGraph(node.inputs, node.outputs)
            kept = [
                copy
                for copy, variable in zip(graph.outputs, node.outputs)
                if variable in no_recycling
            ]
            linker = CLinker().accept(graph, no_recycling=kept)
            key = linker.cmodule_key()
        except Exception:
            continue  # it is raised again where Theano asks
        if key is not None:
            linker.cmodule_key = lambda key=key: key
            linkers[node] = linker
    return linkers


def _is_plain(node):
    """Tells whether Theano makes a thunk of a node's C in the usual way."""
    from theano.gof import Op
    from theano.gof.op import OpenMPOp
    from theano.tensor.elemwise import Elemwise

    kind = type(node.op)
    return (
        isinstance(node.op, Op)
        and kind.make_thunk is Op.make_thunk
        and kind.make_c_thunk is Op.make_c_thunk
        and kind.prepare_node
        in (Op.prepare_node, OpenMPOp.prepare_node, Elemwise.prepare_node)
        and (
            getattr(node.op, "_f16_ok", False)
            or not any(
                getattr(variable.type, "dtype", None) == "float16"
                for variable in node.inputs + node.outputs
            )
        )
    )


def _compile_missing(linkers):
    """Puts the modules of linkers into Theano's cache, those that it lacks"""
    from theano import config
    from theano.gof import compilelock
    from theano.gof.cc import get_module_cache

    cache = get_module_cache()
    if not _missing(cache, linkers) or not os.access(config.compiledir, os.W_OK):
        return
    with lets_go_of_lock():
        compilelock.get_lock(**WAIT)
        # Another process may have compiled them while this one waited.
        cache.refresh(cleanup=False)
        _compile(cache, _missing(cache, linkers))


@contextmanager
def lets_go_of_lock():
    """Releases Theano's lock in the end if it was taken inside, after an error too

    Theano's own ``lock_ctx`` does not: other processes would wait for two minutes.
    """
    from theano.gof import compilelock

    held = getattr(compilelock.get_lock, "n_lock", 0)
    try:
        yield
    finally:
        while getattr(compilelock.get_lock, "n_lock", 0) > held:
            compilelock.release_lock()


def _missing(cache, linkers):
    """Returns jobs for the modules that a cache lacks, one for each text"""
    from theano.gof.cmodule import GCC_compiler, get_module_hash

    jobs = {}
    for linker in linkers:
        key = linker.cmodule_key()
        if key in cache.entry_from_key:
            continue
        try:
            digest = get_module_hash(linker.get_src_code(), key)
            compiler = linker.c_compiler()
        except Exception:
            continue  # no C for this node, or it cannot be written: Theano will see
        known = digest in cache.module_hash_to_key_data or digest in jobs
        if compiler is GCC_compiler and not known:
            jobs[digest] = Job(key, linker)
    return list(jobs.values())


def _compile(cache, jobs):
    """Compiles modules and puts them into a cache"""
    from theano.gof.cmodule import GCC_compiler, dlimport_workdir

    if not jobs:
        return
    left = []

    def new_folder():
        left.append(dlimport_workdir(cache.dirname))
        return left[-1]

    try:
        with progress(len(jobs)) as bar:
            for job in run_jobs(
                jobs, GCC_compiler.compile_str, new_folder, _compile_cutils
            ):
                bar.update(job.name)
                if job.folder is not None:
                    made_of = _made_of(*(job.arguments[name] for name in _ARGUMENTS))
                    _compiled[made_of] = job.folder
                    cache.module_from_key(job.key, job.linker)
    finally:
        _compiled.clear()
        for folder in left:
            shutil.rmtree(folder, ignore_errors=True)


def _compile_cutils():
    """Has Theano compile its own extension now, which it needs for the first module"""
    import theano.gof.cutils  # noqa: F401


_ARGUMENTS = ("module_name", "include_dirs", "lib_dirs", "libs", "preargs")
