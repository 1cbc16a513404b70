"""Edits the C that Theano compiles, on its way to the compiler

All C of Theano and of its Ops, ours among them, goes through one function. What has to
be different for a version of Python or NumPy is an entry of :data:`edits`.
"""

import hashlib

from .after_import import after_import

__all__ = ["edit_c", "edited", "edits"]

#: Functions from the name and the text of a module to its text, called in turn.
edits = []


def edit_c(edit, version=None):
    """Has the C of all modules edited from now on, before Theano compiles any

    Parameters
    ----------
    edit : callable
        Takes the name and the text of a module, returns the text.
    version : str, optional
        What the edit is made of: it becomes a part of the keys by which Theano knows
        compiled modules, so that those of another edit are not taken for these.
        Without it keys stay as they are.
    """
    if not edits:
        after_import("theano.gof.cmodule", _edit_what_is_compiled)
    edits.append(edit)
    if version is None:
        return
    digest = hashlib.sha256(version.encode("utf-8")).hexdigest()[:16]
    after_import("theano.gof.cmodule", lambda cmodule: _tell_version(cmodule, digest))


def edited(name, code):
    """Returns the text of a module as the compiler gets it

    Parameters
    ----------
    name : str
        The module's name.
    code : str
        As Theano has written it.

    Returns
    -------
    str
    """
    for edit in edits:
        code = edit(name, code)
    return code


def _edit_what_is_compiled(cmodule):
    compiler = cmodule.GCC_compiler
    compile_str = compiler.compile_str

    def compile_edited(module_name, src_code, *args, **options):
        # What is no module for Python is a library without NumPy.
        if options.get("py_module", True):
            src_code = edited(module_name, src_code)
        return compile_str(module_name, src_code, *args, **options)

    compiler.compile_str = staticmethod(compile_edited)


def _tell_version(cmodule, digest):
    compiler = cmodule.GCC_compiler
    version_str = compiler.version_str
    compiler.version_str = staticmethod(
        lambda: "%s, C edited by lasagne_sparse %s" % (version_str(), digest)
    )
