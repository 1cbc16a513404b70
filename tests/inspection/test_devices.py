"""Does the report tell of devices, also of those that end who opens them?"""

import importlib.util
import subprocess
import sys

import pytest
from lasagne_sparse.inspection import devices as looked_at
from lasagne_sparse.inspection import in_child
from lasagne_sparse.inspection.in_child import ask
from program_runs import environment
from tree import ROOT


def whats(troubles):
    return " ".join(trouble.what for trouble in troubles)


class TestAsk:
    def test_what_is_printed_comes_back(self):
        assert ask("import sys; print(*sys.argv[1:], sep='\\n')", "a", "b") == (
            ["a", "b"],
            None,
        )

    def test_a_signal_is_named_after_what_was_printed(self):
        lines, fault = ask("import os; print('one', flush=True); os.abort()")
        assert lines == ["one"] and fault == "it ends the process by SIGABRT"

    def test_an_exception_is_told(self):
        assert ask("1 / 0") == ([], "ZeroDivisionError: division by zero")

    def test_who_does_not_answer_is_ended(self):
        told = ask("import time; time.sleep(60)", seconds=0.5)
        assert told == ([], "it does not answer within 0 s")


class TestDevices:
    @pytest.fixture
    def wanted(self, monkeypatch):
        """Returns a function that sets the device that Theano is to use"""
        return lambda name: monkeypatch.setattr(
            looked_at, "_wanted_device", lambda: name
        )

    def test_no_pygpu_is_fine_on_the_cpu(self, monkeypatch, wanted):
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        wanted("cpu")
        lines, troubles = looked_at.devices()
        assert "python3-pygpu" in dict(lines)["pygpu"]
        assert not troubles

    def test_no_pygpu_is_off_where_a_gpu_is_asked_for(self, monkeypatch, wanted):
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        wanted("cuda")
        _, troubles = looked_at.devices()
        assert "device=cuda asks for pygpu" in whats(troubles)
        assert "python3-pygpu" in troubles[0].remedy

    def answer(self, monkeypatch, list_told, open_told=([], None)):
        answers = {looked_at.LIST: list_told, looked_at.OPEN: open_told}
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
        monkeypatch.setattr(looked_at, "ask", lambda program, *args: answers[program])

    def test_pygpu_that_does_not_import_is_off(self, monkeypatch, wanted):
        wanted("cpu")
        self.answer(monkeypatch, ([], "ImportError: libgpuarray.so.3 is gone"))
        lines, troubles = looked_at.devices()
        assert ("pygpu", "broken") in lines
        assert "libgpuarray.so.3 is gone" in whats(troubles)

    def test_a_device_that_aborts_is_a_line(self, monkeypatch, wanted):
        wanted("cpu")
        versions = ["0.7.6", "3.0", "/lib/pygpu"]
        self.answer(
            monkeypatch,
            (versions + ["opencl0:0"], None),
            ([], "it ends the process by SIGABRT: no memory"),
        )
        lines, troubles = looked_at.devices()
        text = "opencl0:0: does not start (it ends the process by SIGABRT: no memory)"
        assert ("", text) in lines and not troubles

    def test_a_driver_that_aborts_is_a_line(self, monkeypatch, wanted):
        wanted("cpu")
        told = ["0.7.6", "3.0", "/lib/pygpu"], "it ends the process by SIGABRT"
        self.answer(monkeypatch, told)
        lines, troubles = looked_at.devices()
        assert lines[-1] == (
            "",
            "asked for its devices, it ends the process by SIGABRT",
        )

    def test_what_ended_an_earlier_report_is_off(self, monkeypatch, wanted):
        wanted("cpu")
        monkeypatch.setenv(in_child.ENDED, "it ends the process by SIGABRT")
        _, troubles = looked_at.devices()
        assert "nothing runs: it ends the process by SIGABRT" in whats(troubles)

    def test_pygpu_lists_its_devices(self):
        pytest.importorskip(
            "pygpu", reason='pygpu is not installed: see README.rst, "On a GPU"'
        )
        lines, _ = looked_at.devices()
        assert "libgpuarray" in dict(lines)["pygpu"]

    def test_device_that_theano_did_not_start_is_off(self, monkeypatch):
        gpuarray = pytest.importorskip("theano.gpuarray")
        monkeypatch.setattr(gpuarray, "pygpu_activated", False)
        assert "device=opencl0:0" in whats(looked_at._idle_device("opencl0:0"))


#: Aborts where a device is asked for, as a driver does; a later flag wins.
PYGPU = """
import os
if "device=cpu" not in os.environ["THEANO_FLAGS"].split("device=opencl0:0")[-1]:
    os.abort()
raise ImportError("there is no pygpu")
"""


@pytest.fixture
def broken(tmp_path):
    """An environment whose device ends the process that opens it"""
    (tmp_path / "pygpu").mkdir()
    (tmp_path / "pygpu" / "__init__.py").write_text(PYGPU)
    variables = environment("device=opencl0:0,floatX=float32")
    for name in ("THEANO_GPU_IS_ALREADY_ACTIVE", "PYTEST_XDIST_WORKER"):
        variables.pop(name, None)
    variables["PYTHONPATH"] = "%s:%s" % (tmp_path, variables["PYTHONPATH"])
    return variables


def run(variables, *command):
    return subprocess.run(
        [sys.executable, "-W", "ignore", *command],
        env=variables,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )


def test_report_outlives_a_device_that_aborts(broken):
    assert run(broken, "-c", "import lasagne_sparse").returncode < 0
    done = run(broken, "-m", "lasagne_sparse")
    assert done.returncode == 1, done.stdout
    assert "nothing runs: it ends the process by SIGABRT" in done.stdout
    assert "a sparse step   compiled and right" in done.stdout


def test_tests_on_a_device_that_aborts_say_so(broken):
    done = run(broken, "-m", "pytest", "-n", "1", "tests/graph")
    assert done.returncode == 1
    assert "No tests: with THEANO_FLAGS=" in done.stdout


def test_who_imports_the_package_is_not_the_report():
    program = "import sys; sys.argv[0] = '-m'; import lasagne_sparse; print('imported')"
    environment_here = environment()
    environment_here.pop(in_child.ENDED, None)
    done = run(environment_here, "-c", program, "lasagne_sparse")
    assert done.stdout.splitlines()[-1] == "imported", done.stdout
