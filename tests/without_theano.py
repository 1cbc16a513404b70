"""Imports the parts of lasagne_sparse.tables that do without Theano, without it

The packages above them import Theano, which takes seconds: here they are empty.
"""

import importlib
import os
import sys
import types

__all__ = ["import_module"]

PACKAGE = os.path.join(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lasagne_sparse"
)


def import_module(name):
    """Imports ``lasagne_sparse.tables.NAME``"""
    if "lasagne_sparse" not in sys.modules:
        for package, folder in [
            ("lasagne_sparse", PACKAGE),
            ("lasagne_sparse.tables", os.path.join(PACKAGE, "tables")),
        ]:
            module = types.ModuleType(package)
            module.__path__ = [folder]
            sys.modules[package] = module
    return importlib.import_module("lasagne_sparse.tables." + name)
