"""Do the mends of compiling leave results and cache as Theano makes them, and no mess?

Each program runs in a process of its own, most of them on an empty cache.
"""

import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import numpy as np
import pytest
import theano
from lasagne_sparse.compat.precompiled_header import FOLDER
from tree import ROOT

pytestmark = pytest.mark.skipif(not theano.config.cxx, reason="there is no compiler")

#: How many processes compile the same at the same moment.
PROCESSES = int(os.environ.get("PROCESSES", "6"))

PROGRAM = """
import json, os, sys
import numpy as np
import lasagne_sparse, theano, theano.tensor as T
from theano.gof.cc import get_module_cache

def function():
    x, i = T.dmatrix('x'), T.ivector('i')
    W = theano.shared(np.arange(12.0).reshape(4, 3) / 10, 'W')
    predicted = T.nnet.softmax(T.dot(x, W.T))
    loss = T.nnet.categorical_crossentropy(predicted, i).mean()
    outputs = [loss, theano.grad(loss, W), W[i], T.exp(x.T).sum(axis=1)]
    return theano.function([x, i], outputs, mode='FAST_RUN')

%s
f = function()
values = f(np.arange(6.0).reshape(2, 3) / 10, np.array([3, 0], 'int32'))
cache = get_module_cache() if theano.config.cxx else None
print(json.dumps({
    'values': [np.asarray(value).tolist() for value in values],
    'compiled': cache and cache.stats[2],
    'unversioned': cache and sum(not key[0] for key in cache.entry_from_key),
}))
"""


def expected():
    x, i = np.arange(6.0).reshape(2, 3) / 10, [3, 0]
    W = np.arange(12.0).reshape(4, 3) / 10
    e = np.exp(x.dot(W.T))
    p = e / e.sum(axis=1, keepdims=True)
    loss = -np.log(p[[0, 1], i]).mean()
    error = (p - np.eye(4)[i]) / 2
    return [loss, error.T.dot(x), W[i], np.exp(x).sum(axis=0)]


def start(cache, flags="", first="", **settings):
    """Starts the program on a cache; `first` is done before its function is made"""
    # The flags of the library's own tests may ask for a device.
    given = "base_compiledir=%s,device=cpu,floatX=float64," % cache + flags
    environment = dict(os.environ, PYTHONPATH=ROOT, THEANORC="", THEANO_FLAGS=given)
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", PROGRAM % first],
        env=dict(environment, **settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        start_new_session=True,
    )


def finish(process):
    """Waits for the program, looks at its numbers, returns what it printed"""
    out, errors = process.communicate()
    assert process.returncode == 0, errors
    said = json.loads(out.splitlines()[-1])
    for value, oracle in zip(said["values"], expected()):
        np.testing.assert_allclose(value, oracle, rtol=1e-12)
    said["errors"] = errors
    return said


def run(cache, *args, **kwargs):
    return finish(start(cache, *args, **kwargs))


def inside(cache, *pattern):
    return sorted(glob.glob(os.path.join(str(cache), "compiledir*", *pattern)))


def copied(cache, folder):
    """Copies a cache, for what changes it"""
    copy = os.path.join(str(folder), "copy")
    shutil.copytree(str(cache), copy)
    return copy


def keys_of(cache):
    return inside(cache, "tmp*", "key.pkl")


def assert_tidy(cache):
    """Every folder of a module has its key, and nobody holds the lock"""
    assert len(inside(cache, "tmp*")) == len(keys_of(cache)) > 0
    assert not inside(cache, "lock_dir")
    assert not inside(cache, FOLDER, "draft*")


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A cache that one program has filled, and what that printed"""
    cache = tmp_path_factory.mktemp("filled")
    return cache, run(cache)


class TestOneProcess:
    def test_first_run_is_right_and_leaves_modules_with_keys(self, filled):
        cache, said = filled
        assert_tidy(cache)
        assert said["compiled"] == len(inside(cache, "tmp*"))
        assert said["unversioned"] == 0

    def test_second_run_compiles_nothing(self, filled):
        assert run(filled[0], PYTHONHASHSEED="77")["compiled"] == 0

    def test_flag_off_finds_the_same_keys(self, filled, tmp_path):
        """All but of Ops without properties, of which Theano keeps nothing"""
        cache = copied(filled[0], tmp_path)
        said = run(cache, "lasagne_sparse.fast_compile=False", PYTHONHASHSEED="1")
        assert 0 < said["unversioned"] < said["compiled"] < filled[1]["compiled"]
        # Theano knows DimShuffle by Python's hash of a text, and so compiles it anew.
        names = [os.path.basename(module) for module in inside(cache, "tmp*", "*.so")]
        for module in inside(cache, "tmp*", "*.so"):
            if names.count(os.path.basename(module)) > 1:
                with open(
                    os.path.join(os.path.dirname(module), "key.pkl"), "rb"
                ) as key:
                    assert b"DimShuffle" in key.read()

    def test_no_debug_information_is_made(self, filled):
        """It would hold the folder of the source"""
        for module in inside(filled[0], "tmp*", "*.so"):
            with open(module, "rb") as file:
                assert os.path.dirname(module).encode() not in file.read()

    @pytest.mark.skipif(
        not sys.platform.startswith("linux") or "g++" not in theano.config.cxx,
        reason="headers are precompiled with GCC only",
    )
    def test_compiler_takes_the_header(self, filled):
        """GCC marks a header that it takes by an exclamation mark"""
        headers = [h[: -len(".gch")] for h in inside(filled[0], FOLDER, "*", "*.gch")]
        assert headers
        code = (
            "from theano.gof import cmodule\n"
            "run = cmodule.subprocess_Popen\n"
            "def spy(command, **params):\n"
            "    print('COMMAND', json.dumps(command), file=sys.stderr)\n"
            "    return run(command, **params)\n"
            "theano.misc.windows.subprocess_Popen = spy\n"
            "y = T.dvector('y')\n"
            "theano.function([y], T.exp(y * 17 - 4))\n"
        )
        said = run(filled[0], first=code)
        commands = [
            json.loads(line[len("COMMAND") :])
            for line in said["errors"].splitlines()
            if line.startswith("COMMAND")
        ]
        used = [command for command in commands if "-include" in command]
        assert used
        command = [*used[0], "-H", "-Winvalid-pch", "-Werror", "-fsyntax-only"]
        module = inside(filled[0], "tmp*", "mod.cpp")[0]
        command = [module if p.endswith("mod.cpp") else p for p in command]
        done = subprocess.run(
            command, stderr=subprocess.PIPE, universal_newlines=True, check=False
        )
        assert "! %s.gch" % headers[0] in done.stderr


class TestManyProcesses:
    def test_all_at_once_on_an_empty_cache_compile_each_module_once(self, tmp_path):
        said = [finish(one) for one in [start(tmp_path) for _ in range(PROCESSES)]]
        assert_tidy(tmp_path)
        assert len(inside(tmp_path, "tmp*")) == sum(one["compiled"] for one in said)
        names = [os.path.basename(name) for name in inside(tmp_path, "tmp*", "*.so")]
        assert len(set(names)) == len(names) > 0

    def test_after_a_kill_the_next_one_can_use_the_cache(self, tmp_path):
        process = start(tmp_path)
        while not inside(tmp_path, "tmp*", "mod.cpp"):
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert inside(tmp_path, "lock_dir")
        run(tmp_path)
        assert not inside(tmp_path, "lock_dir")


class TestObstacles:
    def test_compiler_that_dies_is_asked_again(self, tmp_path):
        """It dies at the first call for each text, and never makes a header"""
        compiler = tmp_path / "g++"
        compiler.write_text(
            "#!/bin/sh\n"
            'case "$*" in\n'
            "*c++-header*) kill -9 $$;;\n"
            "esac\n"
            'for part; do case "$part" in */compiledir*/tmp*/mod.cpp)\n'
            '  mark="%s/$(md5sum < "$part" | cut -c 1-32).died"\n'
            '  if [ ! -e "$mark" ]; then touch "$mark"; kill -9 $$; fi;;\n'
            "esac; done\n"
            'exec %s "$@"\n' % (tmp_path, theano.config.cxx)
        )
        compiler.chmod(0o755)
        said = run(tmp_path, "cxx=%s" % compiler)
        assert len(list(tmp_path.glob("*.died"))) == said["compiled"]
        assert "Problem occurred" not in said["errors"]
        assert_tidy(tmp_path)
        assert not inside(tmp_path, FOLDER, "*", "*.gch")

    def test_spoilt_header_is_thrown_away(self, tmp_path, filled):
        cache = copied(filled[0], tmp_path)
        for folder in inside(cache, "tmp*"):
            shutil.rmtree(folder)
        headers = inside(cache, FOLDER, "*", "*.gch")
        for header in headers:
            with open(header, "r+b") as file:
                file.truncate(os.path.getsize(header) // 2)
        assert run(cache)["compiled"] == filled[1]["compiled"]
        assert not set(headers) & set(inside(cache, FOLDER, "*", "*.gch"))

    def test_disk_without_room_for_the_header_does_without(self, tmp_path):
        code = (
            "import resource\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, 4 << 20))\n"
        )
        assert run(tmp_path, first=code)["compiled"] > 0
        assert_tidy(tmp_path)
        assert not inside(tmp_path, FOLDER, "*", "*.gch")

    def test_read_only_cache_that_has_all_is_used(self, filled):
        code = (
            "for folder, _, _ in os.walk(theano.config.compiledir):\n"
            "    os.chmod(folder, 0o555)\n"
            "if os.getuid() == 0:  # who may write anywhere\n"
            "    os.chmod(os.environ['FOLDER'], 0o755)\n"
            "    os.setuid(65534)\n"
            "assert not os.access(theano.config.compiledir, os.W_OK)\n"
        )
        # Not in pytest's folder, which another user may not enter.
        with tempfile.TemporaryDirectory() as folder:
            cache = copied(filled[0], folder)
            os.chmod(cache, 0o755)
            try:
                assert run(cache, first=code, FOLDER=folder)["compiled"] == 0
            finally:
                for place in inside(cache, "") + inside(cache, "*", ""):
                    os.chmod(place, 0o755)

    def test_without_a_compiler_all_is_done_in_python(self, tmp_path):
        run(tmp_path, "cxx=")
        assert not inside(tmp_path, FOLDER)
