"""Does every command run that README.rst and the documentation tell the reader to type?

Each is run as it stands there, with what makes it small added to it. What makes
``.venv`` is left out: continuous integration runs that, since it begins without one.
"""

import importlib.util
import os
import re
import subprocess
import sys

import pytest
from devices import why_not
from tree import ROOT, copy_of_the_project, pages, read

#: What is added to each command, and a part of what it then prints.
COMMANDS = {
    "make": ("", "make TARGET, where TARGET is one of"),
    "make demo": ("ARGS='{corpus} --dim 4 --epochs 1 --out {out}'", "words/s"),
    "make test": ("ARGS='tests/graph -n 0'", "passed"),
    'make test ARGS="--shuffle 7"': ("ARGS='tests/graph -n 0 --shuffle 7'", "passed"),
    "make fuzz": ("ARGS='--examples 3'", "3 programs passed, 0 failed"),
    'make fuzz ARGS="--examples 5000 --seed 7"': (
        "ARGS='--examples 3 --seed 7'",
        "3 programs passed, 0 failed",
    ),
    'make fuzz ARGS="--examples 500 --debugmode"': (
        "ARGS='--examples 1 --debugmode'",
        "1 programs passed, 0 failed",
    ),
    "make lint": ("", "All checks passed!"),
    "make docs": ("", ""),
    "make bench": (
        "ARGS='--only rows --no-peers --rounds 1 --seconds 0.02 --out {out}'",
        "200 rows",
    ),
    "make report": ("", "compiled and right"),
    "make test-pythons": ("PYTHONS=2.6", "2.6: not here"),
    "THEANO_FLAGS=device=opencl0:0,floatX=float32 "
    "make VENV=.venv-gpu PYTHON=/usr/bin/python3 test": (
        "ARGS='tests/gpu -n 0 -k lookup_alone'",
        "1 passed",
    ),
    'pip install "setuptools<81" wheel': ("", "already satisfied"),
    "PYTHONPATH=$PWD/.ci/old_setup pip install --no-build-isolation Theano==1.0.5": (
        "",
        "already satisfied",
    ),
    "pip install .": (
        "--no-deps --no-build-isolation --target {out}",
        "Successfully installed lasagne",
    ),
    'PROCESSES=50 make test ARGS="tests/compat/test_compiling.py -k at_once"': (
        "PROCESSES=2 ARGS='tests/compat/test_compiling.py -n 0 -k at_once'",
        "passed",
    ),
    "python -m lasagne_sparse": ("", "compiled and right"),
    "python -m lasagne_sparse warm": (
        "--rules sgd --dtypes float32",
        "modules compiled into",
    ),
    "python -m sphinx -W -b html docs docs/_build": ("-d {out}", "build succeeded"),
    "python examples/training_loop.py": ("", "epoch"),
    "python examples/nolearn_style.py": ("", "score"),
    "python examples/word2vec.py --epochs 1": (
        "{corpus} --dim 4 --out {out}",
        "words/s",
    ),
}


def commands(page):
    """The commands that a page tells the reader to type"""
    text = read(page)
    command = r"(?:[A-Z_]+=\S+ )*(?:make|python|pip)\b[^`\n]*"
    lines = re.findall("^    (%s)$" % command, text, re.MULTILINE)
    lines += re.findall("``((?:make|python)(?: [^`]+)?)``", text)
    return [re.sub(r"\s+#.*", "", line) for line in lines]


def test_every_command_is_run_below():
    told = {command for page in pages() for command in commands(page)}
    assert told == set(COMMANDS)


@pytest.fixture
def environment(tmp_path):
    """Commands that stand for those of the environment that ``make`` makes"""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, words in [("python", ""), ("python3", ""), ("pip", "-m pip ")]:
        script = folder / name
        script.write_text('#!/bin/sh\nexec "%s" %s"$@"\n' % (sys.executable, words))
        script.chmod(0o755)
    (tmp_path / "complete").touch()
    kept = dict(os.environ, PATH="%s:%s" % (folder, os.environ["PATH"]))
    # Theano refuses a device to the children of a process that has one.
    kept.pop("THEANO_GPU_IS_ALREADY_ACTIVE", None)
    kept.pop("MAKEFLAGS", None)
    return dict(kept, VENV=str(tmp_path))


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_command_runs(command, environment, tmp_path):
    if "opencl" in command and why_not("opencl0:0"):
        pytest.skip(why_not("opencl0:0"))
    if "lint" in command and importlib.util.find_spec("ruff") is None:
        pytest.skip("ruff is not installed")
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("one two three four five six seven\n" * 200)
    more, expected = COMMANDS[command]
    more = more.format(corpus=corpus, out=tmp_path / "out")
    folder = ROOT
    if command.startswith("pip"):
        folder = tmp_path / "project"
        folder.mkdir()
        copy_of_the_project(folder)
    if "make" in command:
        # -e: the environment's VENV goes before the Makefile's.
        command = command.replace("make", "make -e", 1)
    # What another environment is made with is left out, too.
    command = command.replace("VENV=.venv-gpu PYTHON=/usr/bin/python3 ", "")
    if "opencl" in command:
        flags = os.environ.get("THEANO_FLAGS", "").strip(",")
        command = command.replace("float32", "float32," + flags, 1)
    done = subprocess.run(
        ["sh", "-c", "%s %s" % (command, more)],
        cwd=str(folder),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    assert done.returncode == 0, done.stdout
    assert expected in done.stdout


def test_system_packages_that_are_named_are_those_that_make_installs():
    told = re.findall(r"apt-get install ([\w+ .-]+)", read("README.rst"))
    names = {name for line in told for name in line.split()}
    assert names >= {"g++", "libopenblas-dev", "python3-pygpu"}
    with open(os.path.join(ROOT, ".ci", "environment.sh")) as file:
        script = file.read()
    assert [name for name in names if name not in script] == []
