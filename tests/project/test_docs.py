"""Is the documentation true: does it build, and does all that it shows run?

Its programs say nothing of devices, and run on that of the other tests.
"""

import contextlib
import doctest
import importlib
import importlib.util
import os
import pkgutil
import re
import subprocess
import sys
import textwrap
import zlib

import lasagne_sparse
import pytest
import theano
from devices import on_host
from modes import compiling_with
from tree import ROOT, pages, read

DOCS = os.path.join(ROOT, "docs")
#: What prints the Ops of the host stays there in a run on a GPU.
ON_HOST = {"docs/development/how_it_works.rst"}

#: What the programs are compiled with: all rewrites, and no C, which is slow to build.
FLAGS = dict(mode="Mode", optimizer="fast_run", linker="py", floatX="float64")
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def modules():
    """The names of all modules of the library"""
    walk = pkgutil.walk_packages(lasagne_sparse.__path__, "lasagne_sparse.")
    return ["lasagne_sparse"] + [module.name for module in walk]


def can_load(name):
    """Tells whether a module can be imported: those for a GPU need pygpu"""
    return ".gpu" not in name or importlib.util.find_spec("pygpu") is not None


def load(name):
    """Imports a module, or skips the test"""
    if not can_load(name):
        pytest.skip("pygpu is not installed")
    return importlib.import_module(name)


# --- The pages build ----------------


def inventory(path):
    """Reads what Sphinx documented: the dotted names of Python's objects"""
    with open(path, "rb") as file:
        for _ in range(4):
            file.readline()
        text = zlib.decompress(file.read()).decode("utf-8")
    return {line.split(" ")[0] for line in text.splitlines() if " py:" in line}


@pytest.fixture(scope="module")
def documented(tmp_path_factory):
    """Builds the pages with warnings as errors; the names that are documented"""
    pytest.importorskip("sphinx", reason="Sphinx is not installed: pip install .[docs]")
    pytest.importorskip("numpydoc", reason="numpydoc is not installed")
    folder = str(tmp_path_factory.mktemp("html"))
    flags = os.environ.get("THEANO_FLAGS", "") + ",device=cpu"
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", DOCS, folder],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        env=dict(os.environ, THEANO_FLAGS=flags.strip(",")),
    )
    assert done.returncode == 0 and not done.stdout.strip(), done.stdout
    return inventory(os.path.join(folder, "objects.inv"))


def test_pages_build_without_a_warning(documented):
    assert "lasagne_sparse.updates.adam" in documented


def test_every_public_name_is_documented(documented):
    public = {}
    for module in (load(name) for name in modules() if can_load(name)):
        for attribute in module.__all__:
            value = getattr(module, attribute)
            if not attribute.startswith("__") and not isinstance(value, type(os)):
                public["%s.%s" % (module.__name__, attribute)] = value
    # A name that a package takes from its module is documented once.
    seen = {id(value) for path, value in public.items() if path in documented}
    missing = [path for path, value in public.items() if id(value) not in seen]
    assert not missing, "name them in a page of docs/modules"


# --- What the pages show runs ----------------


def run_examples(examples):
    """Runs one doctest, and reports what differs"""
    report = []
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    with compiling_with(**FLAGS):
        runner.run(examples, out=report.append)
    assert not runner.failures, "".join(report)


@pytest.mark.parametrize("name", modules())
def test_examples_of_docstrings(name):
    tests = doctest.DocTestFinder(exclude_empty=True).find(load(name))
    for examples in tests:
        if examples.examples:
            run_examples(examples)


@pytest.mark.parametrize("page", [p for p in pages() if ">>>" in read(p)])
def test_examples_of_page(page):
    parser = doctest.DocTestParser()
    with on_host() if page in ON_HOST else contextlib.nullcontext():
        run_examples(parser.get_doctest(read(page), {}, page, page, 0))


def programs(page):
    """The Python programs of a page, put together; they share their names"""
    blocks = re.findall(
        r"^\.\. code-block:: python\n((?:\n|    .*\n)+)", read(page), re.MULTILINE
    )
    return "\n".join(textwrap.dedent(block) for block in blocks)


# README.rst's program has a test of its own.
WITH_PROGRAMS = [p for p in pages() if programs(p) and p != "README.rst"]


@pytest.mark.parametrize("page", WITH_PROGRAMS)
def test_programs_of_page(page):
    code = compile(programs(page), page, "exec")
    with compiling_with(**FLAGS):
        exec(code, {"__name__": "page"})


# --- What the pages name exists ----------------


FOLDERS = ["", "docs", "lasagne_sparse", "notebooks"]


@pytest.mark.parametrize("page", pages())
def test_files_that_are_named_exist(page):
    named = re.findall(r"``([\w./-]+\.(?:py|rst|ipynb|h|txt)|[\w./-]+/)``", read(page))
    for path in named:
        found = [os.path.join(ROOT, folder, path) for folder in FOLDERS]
        assert any(os.path.exists(p) for p in found), path


def test_links_of_readme_lead_to_files():
    links = re.findall(r"<([^>\s]+)>`__?", read("README.rst"))
    links += re.findall(r"^\.\. _[^:]+: (\S+)$", read("README.rst"), re.MULTILINE)
    inside = [link for link in links if "://" not in link]
    assert [p for p in inside if not os.path.exists(os.path.join(ROOT, p))] == []


def test_positions_of_rewrites_are_told():
    told = re.findall(
        r"\* - ``(lasagne_sparse_\w+)``\n      - ([\d.]+)\n",
        read("docs/development/how_it_works.rst"),
    )
    positions = theano.compile.optdb.__position__
    ours = {n: p for n, p in positions.items() if n.startswith("lasagne_sparse")}
    told = {name: float(position) for name, position in told}
    # It is there only where a GPU is in use, or its module was read for its examples.
    ours.setdefault("lasagne_sparse_keep_on_host", 48.45)
    assert told == ours
