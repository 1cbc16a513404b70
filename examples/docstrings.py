"""Reads the docstrings of installed Python packages, as sentences

Real text that every machine with this library has: the standard library and
the packages that it stands on hold about a million words. Nothing is fetched,
and nothing is imported to be read.

Printed one sentence a line, for other programs::

    python examples/docstrings.py > docstrings.txt
    python examples/docstrings.py numpy matplotlib > some.txt
"""

import ast
import importlib.util
import itertools
import os
import re
import sys
import sysconfig
import warnings

__all__ = ["PACKAGES", "docstrings", "sentences", "sentences_of", "source_files"]

# What lasagne_sparse itself needs: so every machine reads about the same.
PACKAGES = ("numpy", "scipy", "theano", "lasagne")

# Other people's packages may lie inside the standard library, and the docstrings
# of tests say little.
LEFT_OUT = {"site-packages", "dist-packages", "test", "tests"}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
WORD = re.compile(r"[a-z_]*[a-z][a-z_]*")
SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


def source_files(package=None):
    """Lists the Python files of an installed package

    Parameters
    ----------
    package : str, optional
        The name that one imports. By default the standard library.

    Returns
    -------
    list of str
        Paths, in the same order on every machine; tests are left out.

    Raises
    ------
    ValueError
        If no package of that name is installed.
    """
    if package is None:
        roots = [sysconfig.get_paths()["stdlib"]]
    else:
        spec = importlib.util.find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            raise ValueError("no package %r is installed" % package)
        roots = list(spec.submodule_search_locations)
    files = []
    for root in roots:
        for folder, subfolders, names in os.walk(root):
            subfolders[:] = sorted(set(subfolders) - LEFT_OUT)
            names = sorted(name for name in names if name.endswith(".py"))
            files += [os.path.join(folder, name) for name in names]
    return files


def docstrings(path):
    """Finds the docstrings of one Python file

    Parameters
    ----------
    path : str
        The file. One that is not Python, as some files of test suites are on
        purpose, has no docstrings.

    Returns
    -------
    list of str
        The docstrings of the module, its classes and functions, without their
        indentation.
    """
    with open(path, "rb") as file:
        source = file.read()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in others' strings
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return []
    nodes = (node for node in ast.walk(tree) if isinstance(node, DOCUMENTED))
    return [text for text in map(ast.get_docstring, nodes) if text]


def sentences_of(docstring):
    """Takes the sentences out of a docstring

    Examples to be run (``>>>`` up to the next blank line) are left out. A
    sentence ends at a full stop, a blank line, or the docstring's end.

    Parameters
    ----------
    docstring : str
        The text.

    Returns
    -------
    list of str
        Each sentence's words in lower case, with one space between them. A
        word is made of the letters a to z and underscores.
    """
    found = []
    for paragraph in re.split(r"\n\s*\n", docstring):
        prose = paragraph.partition(">>>")[0].lower()
        for sentence in SENTENCE_END.split(prose):
            words = WORD.findall(sentence)
            if words:
                found.append(" ".join(words))
    return found


def sentences(packages=PACKAGES):
    """Reads the docstrings of the standard library and of some packages

    Parameters
    ----------
    packages : sequence of str
        Names as one imports them.

    Yields
    ------
    str
        A sentence: words in lower case, with one space between them.

    Raises
    ------
    ValueError
        If a package is not installed.
    """
    files = [source_files(package) for package in (None, *packages)]
    for path in itertools.chain.from_iterable(files):
        for docstring in docstrings(path):
            yield from sentences_of(docstring)


def main(argv=None):
    """Prints the sentences of the packages that are named, or of `PACKAGES`"""
    argv = sys.argv[1:] if argv is None else argv
    try:
        for sentence in sentences(argv or PACKAGES):
            print(sentence)
    except ValueError as error:
        print("docstrings.py: %s" % error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
