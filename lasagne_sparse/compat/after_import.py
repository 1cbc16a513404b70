"""Mends a module between its own import and the first use that others make of it

Theano compiles and uses some of its parts while it is imported, so that to mend them
after ``import theano`` would be too late.
"""

import sys

__all__ = ["after_import", "with_edited_source"]


def after_import(name, mend):
    """Calls a function with a module as soon as that was executed

    Parameters
    ----------
    name : str
        The module's full name. Where it was imported before, the call is made now.
    mend : callable
        Takes the module; what it returns is not used.

    Examples
    --------
    >>> after_import("string", lambda module: print(module.digits))
    0123456789
    """
    if name in sys.modules:
        mend(sys.modules[name])
        return

    def with_mend(loader):
        execute = loader.exec_module

        def exec_module(module):
            execute(module)
            mend(module)

        loader.exec_module = exec_module

    sys.meta_path.insert(0, _Finder(name, with_mend))


def with_edited_source(name, edits):
    """Has a module executed from an edited text, where calls cannot be reached

    Parameters
    ----------
    name : str
        The full name of a module that is not imported yet.
    edits : sequence of (str, str)
        What to replace, everywhere in its text, and by what.

    Notes
    -----
    The edited text is compiled in each process: no file of the module changes, its
    cached bytecode among them. Tracebacks show the lines of the file.

    Raises
    ------
    ImportError
        When the module is imported, if its text lacks what is to be replaced.
    """

    def with_edits(loader):
        def get_code(fullname):
            path = loader.get_filename(fullname)
            text = loader.get_source(fullname)
            for old, new in edits:
                if old not in text:
                    raise ImportError(
                        "lasagne_sparse mends %s of Theano 1.0.5, and does not find %r "
                        "in it. Install it anew by: pip install --force-reinstall "
                        "--no-deps Theano==1.0.5" % (path, old)
                    )
                text = text.replace(old, new)
            return loader.source_to_code(text, path)

        loader.get_code = get_code

    sys.meta_path.insert(0, _Finder(name, with_edits))


class _Finder:
    """Finds one module, once, and has its loader changed."""

    def __init__(self, name, change):
        self.name = name
        self.change = change

    def find_spec(self, name, path=None, target=None):
        if name != self.name:
            return None
        sys.meta_path.remove(self)
        for finder in list(sys.meta_path):
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                self.change(spec.loader)
                return spec
        return None
