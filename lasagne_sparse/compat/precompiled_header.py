"""Compiles the headers that all modules begin with once

Each C module of Theano's begins with the same lines: Python, ``iostream``, NumPy. The
compiler takes longer to read them than to do the rest, so they are given to it in the
form that it has read already: a precompiled header of GCC's. The text of modules, their
keys and what becomes of them stay as they are.

The headers lie in the folder of compiled modules, below ``precompiled_headers``, 40 MB
for each set of options. GCC takes a header only if its own options fit, and reads the
text beside it if not: what does not work is slow, and right.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

from .fast_compile import compiles_fast

__all__ = ["ENOUGH", "FOLDER", "announce", "leading_lines", "mend"]

#: In the folder of compiled modules.
FOLDER = "precompiled_headers"
#: Modules with the same options that must be asked for until a header is worth it.
ENOUGH = 4

_HEADER = "leading_lines.h"
# The last of the headers that all modules have in common.
_LAST = "#include <numpy/arrayscalars.h>"
# Headers whose change on the disk makes a precompiled one stale.
_WATCHED = ("Python.h", "patchlevel.h", "numpy/ndarraytypes.h", "theano_mod_helper.h")
# Of declarations only those of the text for NumPy 2, which goes above each module.
_LEADING = re.compile(
    r"\s*(#\s*(include|define|undef|ifndef|endif)\b.*|//.*|/\*.*\*/"
    r"|typedef struct \{.*\} lasagne_sparse_complex\d+;)?$"
)
_announced = threading.local()
_making = threading.Lock()
_given_up = set()  # names of headers that could not be made, or did not work


def leading_lines(text):
    r"""Returns the lines of a module that are headers all modules begin with

    Parameters
    ----------
    text : str
        The source of a module.

    Returns
    -------
    str or None
        None if other lines stand before the last of these headers: then they may
        mean something else than they do elsewhere.

    Examples
    --------
    >>> text = '#include <Python.h>\n#include <numpy/arrayscalars.h>\nint i;'
    >>> print(leading_lines(text), end="")
    #include <Python.h>
    #include <numpy/arrayscalars.h>
    >>> leading_lines("int i;" + text) is None
    True
    """
    lines = []
    for line in text.splitlines():
        if not _LEADING.match(line):
            return None
        lines.append(line)
        if line.strip() == _LAST:
            return "\n".join(lines) + "\n"
    return None


def mend(theano):
    """Has Theano's calls of the compiler use a precompiled header

    Parameters
    ----------
    theano : module

    Returns
    -------
    name, why : str
    """
    from theano.gof import cmodule

    run = cmodule.output_subprocess_Popen

    def output_subprocess_Popen(command, **params):
        header = compiles_fast(theano) and header_for(theano, command)
        if not header:
            return run(command, **params)
        done = run([*command[:1], "-include", header, *command[1:]], **params)
        if done[2]:  # by a mistake in the module, or by a header that was spoilt
            done = run(command, **params)
            if not done[2]:
                _give_up(os.path.dirname(header))
        return done

    cmodule.output_subprocess_Popen = output_subprocess_Popen
    return (
        "theano.gof.cmodule: a precompiled header",
        "the headers of Python and NumPy take half of a module's compile",
    )


def announce(modules):
    """Says how many modules the calling thread and others will compile alike

    Parameters
    ----------
    modules : int
    """
    _announced.modules = modules


def header_for(theano, command):
    """Finds the header that goes with a call of the compiler, or makes it

    It is made when enough modules have asked for it, in this process or another. The
    caller holds Theano's lock on the folder, as all do who compile.

    Parameters
    ----------
    theano : module
    command : list of str
        As Theano calls the compiler for a module.

    Returns
    -------
    str or None
        A path to give to ``-include``; None if there is none (yet).
    """
    if not _is_gcc(command):
        return None
    lines = _lines_of(command)
    if lines is None:
        return None
    options = _options(command)
    name = _name(theano, options, lines)
    place = os.path.join(theano.config.compiledir, FOLDER, name)
    header = os.path.join(place, _HEADER)
    if name in _given_up:
        return None
    if os.path.exists(header + ".gch"):
        return header
    if _requests(place, getattr(_announced, "modules", 1)) < ENOUGH:
        return None
    with _making:
        if os.path.exists(header + ".gch"):
            return header
        if name not in _given_up and _make([command[0], *options], lines, place):
            return header
        _given_up.add(name)
    return None


def _is_gcc(command):
    """Tells whether a command compiles a module by GCC, whose headers these are."""
    return (
        isinstance(command, list)
        and sys.platform.startswith("linux")
        and re.search(r"(^|[-/])g\+\+(-[\d.]+)?$", command[0])
        and "-shared" in command
    )


def _lines_of(command):
    sources = [part for part in command if part.endswith(os.sep + "mod.cpp")]
    if len(sources) != 1:
        return None
    with open(sources[0]) as file:
        lines = leading_lines(file.read())
    if lines is None:
        return None
    first = [
        '#include "%s"\n' % command[place + 1]
        for place, part in enumerate(command)
        if part == "-include"
    ]
    return "".join(first) + lines


def _options(command):
    """Returns the options that matter to the text: not those of the linker."""
    options, skipped = [], False
    for part in command[1:]:
        if skipped or part in ("-o", "-include"):
            skipped = not skipped
        elif not part.startswith(("-L", "-l", "-shared", "-Wl,")):
            if not part.endswith(os.sep + "mod.cpp"):
                options.append(part)
    return options


def _name(theano, options, lines):
    """Makes a name of all that a header depends on."""
    from theano.gof.cmodule import GCC_compiler

    said = [GCC_compiler.version_str(), sys.version, repr(options), lines]
    for option in options:
        if option.startswith("-I"):
            for header in _WATCHED:
                try:
                    found = os.stat(os.path.join(option[2:], header))
                except OSError:
                    continue
                said.append("%s %d %d" % (header, found.st_size, found.st_mtime_ns))
    return hashlib.sha256("\0".join(said).encode("utf-8")).hexdigest()[:16]


def _requests(place, modules):
    """Counts the modules that have asked for a header, in a file beside its place."""
    try:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place + ".requests", "a") as file:
            file.write("." * modules)
            return file.tell()
    except OSError:  # the folder is read-only, or the disk is full
        return 0


def _make(compiler, lines, place):
    """Compiles a header beside its place, and moves it there; tells whether it is."""
    _clear_drafts(os.path.dirname(place))
    try:
        draft = tempfile.mkdtemp(prefix="draft", dir=os.path.dirname(place))
    except OSError:
        return False
    try:
        header = os.path.join(draft, _HEADER)
        with open(header, "w") as file:
            file.write(lines)
        done = subprocess.run(
            [*compiler, "-x", "c++-header", header, "-o", header + ".gch"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        if done.returncode == 0 and os.path.exists(header + ".gch"):
            os.rename(draft, place)
    except OSError:  # a full disk; or another process has made it meanwhile
        pass
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return os.path.exists(os.path.join(place, _HEADER + ".gch"))


def _give_up(place):
    """Does without a header by which a module did not compile that does without it."""
    _given_up.add(os.path.basename(place))
    shutil.rmtree(place, ignore_errors=True)


def _clear_drafts(folder):
    """Removes what processes left that were killed while they made a header."""
    for name in os.listdir(folder):
        draft = os.path.join(folder, name)
        try:
            if name.startswith("draft") and time.time() - os.stat(draft).st_mtime > 600:
                shutil.rmtree(draft, ignore_errors=True)
        except FileNotFoundError:  # another process was quicker
            continue
