"""Sphinx's configuration: ``python -m sphinx -W -b html docs docs/_build``"""

import importlib.util
import inspect

import lasagne_sparse  # first: it mends what Theano needs to be imported

project = "lasagne_sparse"
author = "the developers of lasagne_sparse"
copyright = "MIT licence, as Lasagne"
version = release = lasagne_sparse.__version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc"]
exclude_patterns = ["_build"]

autosummary_generate = False
numpydoc_show_class_members = False
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
# An Op's methods mean what Theano says they mean.
autodoc_inherit_docstrings = False

# The modules for a GPU are documented also where none of their back end is.
if importlib.util.find_spec("pygpu") is None:
    autodoc_mock_imports = ["pygpu"]

# A reference to something of ours that is not documented fails the build. What
# belongs to Theano, Lasagne and NumPy lies elsewhere, and nothing is fetched.
nitpicky = True
nitpick_ignore_regex = [(r"py:.*", r"(?!lasagne_sparse).*")]


def show_rewrites(app, what, name, obj, options, lines):
    """Gives a local rewrite, an object of Theano's, its function's docstring"""
    function = getattr(obj, "transform", None)
    if not inspect.isfunction(function):
        return
    # Theano's op_lifter wraps the function that has the docstring.
    function = inspect.getclosurevars(function).nonlocals.get("maker", function)
    text = inspect.getdoc(function)
    if text:
        before_after, _, rest = text.partition("\n\n")
        shown = ["    " + line for line in before_after.splitlines()]
        lines[:] = ["::", ""] + shown + [""] + rest.splitlines()


def setup(app):
    """Is called by Sphinx"""
    # Before numpydoc, which is at 500.
    app.connect("autodoc-process-docstring", show_rewrites, priority=400)


html_theme = "alabaster"
html_theme_options = {"description": "Sparse updates for Lasagne networks"}
html_show_copyright = False
