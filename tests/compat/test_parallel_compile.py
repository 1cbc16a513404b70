"""Do compiles side by side end well when something goes wrong, and say what they do?"""

import builtins
import itertools
import os
import sys

import numpy as np
import pytest
import theano
import theano.tensor as T
from lasagne_sparse.compat import compile_pool, compile_progress, parallel_compile
from lasagne_sparse.compat.compile_pool import Job, in_order
from theano.gof import compilelock
from theano.gof.cc import get_module_cache
from theano.gof.cmodule import ModuleCache

_numbers = itertools.count()

needs_compiler = pytest.mark.skipif(
    not theano.config.cxx, reason="there is no compiler"
)


class NewCode(theano.gof.Op):
    """Adds one, by C that no cache has"""

    __props__ = ("text", "number")

    def __init__(self, text="/* %d of %d */"):
        self.text, self.number = text, next(_numbers)

    def make_node(self, x):
        return theano.Apply(self, [x], [x.type()])

    def perform(self, node, inputs, outputs):
        outputs[0][0] = np.asarray(inputs[0] + 1)

    def c_code(self, node, name, inputs, outputs, sub):
        code = self.text % (self.number, os.getpid())
        x, y = inputs[0], outputs[0]
        return (
            code + " Py_XDECREF(%(y)s);"
            "%(y)s = (PyArrayObject*)PyArray_NewCopy(%(x)s, NPY_ANYORDER);"
            "if (!%(y)s) %(fail)s;"
            "*(dtype_%(x)s*)PyArray_DATA(%(y)s) += 1;"
        ) % dict(sub, x=x, y=y)


def chain(*ops):
    x = result = T.dscalar("x")
    for op in ops:
        result = op(result)
    return [x], result


def compiled(*ops):
    mode = theano.compile.Mode("cvm", None)
    return theano.function(*chain(*ops), mode=mode)


@pytest.fixture
def no_lock_left():
    """The lock must be free afterwards"""
    yield
    assert getattr(compilelock.get_lock, "n_lock", 0) == 0
    assert not os.path.exists(os.path.join(theano.config.compiledir, "lock_dir"))


@pytest.fixture
def pooled(monkeypatch):
    """Records what the pool is given"""
    jobs = []
    run_jobs = parallel_compile.run_jobs

    def recording(given, *args):
        jobs.extend(given)
        return run_jobs(given, *args)

    monkeypatch.setattr(parallel_compile, "run_jobs", recording)
    return jobs


@needs_compiler
class TestCompiles:
    def test_all_that_is_missing_at_once(self, pooled, no_lock_left):
        before = get_module_cache().stats[2]
        assert compiled(NewCode(), NewCode(), NewCode())(1.0) == 4
        assert len(pooled) == 3
        assert get_module_cache().stats[2] == before + 3

    def test_equal_texts_once(self, pooled, no_lock_left):
        op = NewCode()
        assert compiled(op, op)(1.0) == 3
        assert len(pooled) == 1

    @pytest.mark.parametrize("linker", ["cvm", "vm", "c|py"])
    def test_keys_are_theanos(self, linker, monkeypatch, no_lock_left):
        """With the flag or without, the cache is asked for the same texts by name"""
        mode = theano.compile.Mode(linker, None)
        cache_class = type(get_module_cache())
        module_from_key = cache_class.module_from_key
        x, asked = T.dvector("x"), {True: set(), False: set()}
        for fast in asked:

            def asking(self, key, lnk=None, keep_lock=False, said=asked[fast]):
                said.add((key, lnk.get_src_code()))
                return module_from_key(self, key, lnk, keep_lock)

            monkeypatch.setattr(cache_class, "module_from_key", asking)
            with theano.change_flags(**{"lasagne_sparse.fast_compile": fast}):
                theano.function([x], [T.exp(x), T.exp(x).sum()], mode=mode)
        assert asked[True] == asked[False]
        assert len(asked[True]) >= 2

    def test_nothing_by_the_pool_where_the_flag_is_off(self, pooled, no_lock_left):
        with theano.change_flags(**{"lasagne_sparse.fast_compile": False}):
            assert compiled(NewCode(), NewCode())(1.0) == 3
        assert not pooled

    def test_mistake_in_c_is_reported_by_theano_once(self, capsys, no_lock_left):
        with pytest.raises(Exception, match="not_declared"):
            compiled(NewCode("not_declared(%d, %d);"), NewCode())
        told = "".join(capsys.readouterr())
        assert told.count("You can find the C code in this temporary file") == 1

    def test_no_folder_is_left_after_a_mistake(self, no_lock_left):
        def without_key():
            folders = {
                folder
                for folder in os.listdir(theano.config.compiledir)
                if folder.startswith("tmp")
            }
            return folders - {
                os.path.basename(os.path.dirname(entry))
                for entry in get_module_cache().entry_from_key.values()
            }

        before = without_key()
        with pytest.raises(Exception, match="not_declared"):
            compiled(NewCode("not_declared(%d, %d);"))
        assert not {f for f in without_key() - before if "mod.cpp" in _files(f)}

    def test_interrupt_lets_go_of_the_lock(self, monkeypatch, no_lock_left):
        def interrupted():
            raise KeyboardInterrupt

        monkeypatch.setattr(parallel_compile, "_compile_cutils", interrupted)
        op = NewCode()
        with pytest.raises(KeyboardInterrupt):
            compiled(op, NewCode())
        monkeypatch.undo()
        assert compiled(op)(1.0) == 2

    def test_op_without_c_runs_in_python(self, no_lock_left):
        class InPython(NewCode):
            def c_code(self, *args):
                raise theano.gof.utils.MethodNotDefined

        assert compiled(InPython(), NewCode())(1.0) == 3

    def test_no_linker_is_kept(self):
        compiled(NewCode())
        assert not parallel_compile._linkers
        assert not parallel_compile._compiled


def _files(folder):
    try:
        return os.listdir(os.path.join(theano.config.compiledir, folder))
    except FileNotFoundError:
        return []


class TestRefresh:
    """Of a cache in which another process removes a folder meanwhile"""

    @pytest.fixture
    def vanishing(self, tmp_path, monkeypatch):
        """A cache with an empty folder, which vanishes when it is looked at again"""
        folder = tmp_path / "tmp0"
        folder.mkdir()
        lock = compilelock.lock

        def meanwhile(*args, **kwargs):
            if folder.exists():
                folder.rmdir()
            return lock(*args, **kwargs)

        monkeypatch.setattr(compilelock, "lock", meanwhile)
        return ModuleCache(str(tmp_path), do_refresh=False)

    def test_goes_on(self, vanishing, no_lock_left):
        assert vanishing.refresh() == []

    def test_theanos_own_ends_the_program(self, vanishing):
        alone = theano.change_flags(**{"lasagne_sparse.fast_compile": False})
        gone = pytest.raises(FileNotFoundError)
        with alone, parallel_compile.lets_go_of_lock(), gone:
            vanishing.refresh()


class TestOrder:
    def job(self, length, *options):
        job = object.__new__(Job)
        job.text, job.arguments = "x" * length, {"preargs": options}
        return job

    def test_one_that_makes_the_header_then_others_then_the_long_ones(self):
        common = [self.job(n, "-O3") for n in (1, 5, 3)]
        other = self.job(2, "-O3", "-fopenmp")
        order = in_order([*common, other])
        assert [len(job.text) for job in order] == [5, 2, 3, 1]

    def test_every_job_knows_how_many_are_alike(self):
        jobs = [self.job(1, "-O3"), self.job(1, "-O2"), self.job(1, "-O3")]
        assert [job.alike for job in sorted(in_order(jobs), key=jobs.index)] == [
            2,
            1,
            2,
        ]


class Bar:
    """Takes tqdm's place, and remembers what it was told"""

    made = []

    def __init__(self, **kwargs):
        self.arguments, self.names, self.updates, self.closed = kwargs, [], 0, False
        Bar.made.append(self)

    def set_postfix_str(self, text, refresh):
        self.names.append(text)

    def update(self):
        self.updates += 1

    def close(self):
        self.closed = True


class TestProgress:
    @pytest.fixture(autouse=True)
    def screen(self, monkeypatch):
        """A terminal, tqdm, and a clock that does not go"""
        monkeypatch.setattr(Bar, "made", [])
        monkeypatch.setattr(compile_progress, "_find_tqdm", lambda: Bar)
        monkeypatch.setattr(compile_progress, "_is_seen", lambda: True)
        self.now = 0.0
        monkeypatch.setattr(compile_progress.time, "time", lambda: self.now)

    def show(self, seconds):
        with compile_progress.progress(3) as bar:
            for name in "abc":
                self.now += seconds
                bar.update(name)

    def test_bar_appears_when_patience_ends_and_names_the_op(self):
        self.show(seconds=compile_progress.PATIENCE * 0.6)
        (bar,) = Bar.made
        assert bar.arguments["total"] == 3
        assert bar.arguments["initial"] + bar.updates == 3
        assert bar.names == ["b", "c"]
        assert bar.closed

    def test_nothing_is_shown_of_what_is_quick(self):
        self.show(seconds=compile_progress.PATIENCE * 0.3)
        assert not Bar.made

    def test_nothing_is_shown_where_there_is_no_terminal(self, monkeypatch):
        monkeypatch.setattr(compile_progress, "_is_seen", lambda: False)
        self.show(seconds=100)
        assert not Bar.made

    def test_nothing_is_shown_without_tqdm(self, monkeypatch):
        monkeypatch.setattr(compile_progress, "_find_tqdm", lambda: None)
        self.show(seconds=100)
        assert not Bar.made


def test_bar_of_tqdm_starts_no_thread():
    tqdm = pytest.importorskip("tqdm")
    assert compile_progress._find_tqdm().monitor_interval == 0
    assert tqdm.tqdm.monitor_interval > 0


def test_tqdm_is_no_requirement(monkeypatch):
    real = builtins.__import__

    def without_tqdm(name, *args, **kwargs):
        if name == "tqdm":
            raise ImportError
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_tqdm)
    assert compile_progress._find_tqdm() is None


def test_a_closed_error_stream_is_no_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    assert not compile_progress._is_seen()


def test_cores_are_those_of_this_process():
    assert 1 <= compile_pool.cores() <= os.cpu_count()


def test_constants_that_are_moved_are_folded_in_python():
    """DimShuffle of a number, which Theano would compile"""
    node = T.constant(np.int8(3)).dimshuffle("x", "x").owner
    assert node.op.python_constant_folding(node) == bool(theano.config.cxx)
    with theano.change_flags(**{"lasagne_sparse.fast_compile": False}):
        assert not node.op.python_constant_folding(node)
