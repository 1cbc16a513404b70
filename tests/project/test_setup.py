"""Does what setup.py packs hold all that the library needs, and does it work?"""

import os
import subprocess
import sys
import zipfile
from email.parser import Parser

import pytest
from tree import PACKAGE, ROOT, copy_of_the_project


def run(*command, **keywords):
    """Runs a command that must succeed, returns what it prints"""
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        **keywords,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Packs the library in a copy of its files, opens the wheel"""
    pytest.importorskip("wheel", reason="wheel is not installed: pip install wheel")
    copy = tmp_path_factory.mktemp("project")
    copy_of_the_project(copy)
    run(sys.executable, "setup.py", "-q", "bdist_wheel", cwd=str(copy))
    (path,) = (copy / "dist").glob("*.whl")
    with zipfile.ZipFile(str(path)) as opened:
        yield opened


@pytest.fixture(scope="module")
def metadata(wheel):
    """What the wheel says of itself"""
    (name,) = (n for n in wheel.namelist() if n.endswith("dist-info/METADATA"))
    return Parser().parsestr(wheel.read(name).decode("utf-8"))


def requirements(metadata):
    """Parses what the wheel asks for, its extras included"""
    parse = pytest.importorskip("packaging.requirements").Requirement
    return [parse(text) for text in metadata.get_all("Requires-Dist")]


def pins(name):
    """Reads a list of constraints: versions by lower-case names"""
    with open(os.path.join(ROOT, ".ci", name)) as file:
        lines = [line.strip() for line in file if not line.startswith("#")]
    return dict(line.lower().replace("_", "-").split("==") for line in lines if line)


def test_wheel_holds_every_source(wheel):
    sources = set()
    for folder, folders, names in os.walk(PACKAGE):
        folders[:] = [name for name in folders if name != "__pycache__"]
        sources.update(os.path.relpath(os.path.join(folder, n), ROOT) for n in names)
    packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packed == sources
    assert any(name.endswith(".h") for name in packed)


def test_wheel_works_where_it_is_unpacked(wheel, tmp_path):
    wheel.extractall(str(tmp_path))
    told = run(
        sys.executable,
        "-m",
        "lasagne_sparse",
        cwd=str(tmp_path),
        env=dict(os.environ, PYTHONPATH=str(tmp_path)),
    )
    assert str(tmp_path / "lasagne_sparse") in told
    assert "compiled and right" in told


def test_wheel_is_for_the_pythons_that_theano_runs_on(metadata):
    assert set(metadata["Requires-Python"].split(",")) == {">=3.8", "<3.14"}


@pytest.mark.parametrize(
    "name", ["constraints.txt", "constraints-3.12.txt", "constraints-3.13.txt"]
)
def test_every_requirement_has_a_version_among_the_constraints(metadata, name):
    versions = pins(name)
    for requirement in requirements(metadata):
        version = versions[requirement.name.lower()]
        assert requirement.specifier.contains(version), requirement
