"""The files of the project, and copies of them"""

import os
import shutil

__all__ = ["EXAMPLES", "PACKAGE", "ROOT", "copy_of_the_project", "pages", "read"]

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
EXAMPLES = os.path.join(ROOT, "examples")
PACKAGE = os.path.join(ROOT, "lasagne_sparse")


def pages():
    """The paths of all pages of the documentation, from the root of the project"""
    found = ["README.rst", "CHANGES.rst"]
    for folder, folders, names in os.walk(os.path.join(ROOT, "docs")):
        folders[:] = [name for name in folders if name != "_build"]
        paths = [os.path.join(folder, name) for name in names]
        found += [os.path.relpath(p, ROOT) for p in paths if p.endswith(".rst")]
    return sorted(found)


def read(path):
    """The text of a file, by its path from the root of the project"""
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def copy_of_the_project(folder):
    """Copies what is packed, since packing leaves files of its own beside it"""
    for name in ("setup.py", "README.rst", "LICENSE"):
        shutil.copy(os.path.join(ROOT, name), str(folder))
    shutil.copytree(
        PACKAGE,
        str(folder / "lasagne_sparse"),
        ignore=shutil.ignore_patterns("__pycache__"),
    )
