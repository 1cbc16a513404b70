"""The notebooks run from top to bottom, offline, and are committed with outputs

Each takes half a minute to a minute on two idle cores.
"""

import glob
import os
import re
import warnings

import pytest
import theano

from tree import ROOT

FOLDER = os.path.join(ROOT, "notebooks")
NOTEBOOKS = sorted(glob.glob(os.path.join(FOLDER, "*.ipynb")))
#: Where nobody listens: what asks for the network gets an error at once.
NOWHERE = "http://127.0.0.1:9"

nbformat = pytest.importorskip(
    "nbformat", reason="nbformat is not installed: pip install '.[notebooks]'"
)


def read(path):
    return nbformat.read(path, as_version=4)


def named(path):
    return os.path.basename(path)


def test_all_notebooks_are_there():
    assert [named(path)[:3] for path in NOTEBOOKS] == ["01_", "02_", "03_", "04_"]


@pytest.mark.skipif(
    theano.config.device != "cpu", reason="notebooks choose their devices themselves"
)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_notebook_runs_from_top_to_bottom(path, monkeypatch):
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, NOWHERE)
    client = nbclient.NotebookClient(
        read(path),
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": FOLDER}},
    )
    with warnings.catch_warnings():
        # Of Jupyter's own parts, about one another.
        warnings.simplefilter("ignore")
        client.execute()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_notebook_is_committed_as_it_ran(path):
    cells = [cell for cell in read(path).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert outputs
    assert not [output for output in outputs if output.output_type == "error"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_notebook_names_no_path_of_a_machine(path):
    with open(path, encoding="utf-8") as file:
        found = re.findall(r"/(?:home|root|tmp|work)/[\w./-]+", file.read())
    assert found == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_links_and_files_that_a_notebook_names_exist(path):
    text = "\n".join(c.source for c in read(path).cells if c.cell_type == "markdown")
    named = re.findall(r"\]\(([^)#]+)\)", text)
    named += re.findall(r"`([\w./-]+\.(?:py|rst|ipynb))`", text)
    for target in named:
        if "://" not in target:
            found = [os.path.join(folder, target) for folder in (FOLDER, ROOT)]
            assert any(os.path.exists(p) for p in found), target
