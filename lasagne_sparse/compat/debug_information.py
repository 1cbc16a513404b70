"""Compiles without debug information

Theano 1.0 gives ``-g`` to each compile. It costs a tenth of the time and most of a
module's size, and serves nobody who has no debugger at hand. Who asks for it, by the
flag ``gcc.cxxflags=-g``, has it.
"""

from .fast_compile import compiles_fast

__all__ = ["mend", "without_debug_information"]


def without_debug_information(command):
    """Takes the ``-g`` out that Theano puts in

    Parameters
    ----------
    command : list of str
        A call of the compiler. A user's flags come after Theano's own ``-g``.

    Returns
    -------
    list of str

    Examples
    --------
    >>> without_debug_information(["g++", "-shared", "-g", "-O3", "mod.cpp"])
    ['g++', '-shared', '-O3', 'mod.cpp']
    >>> without_debug_information(["g++", "-shared", "-g", "-O3", "-g", "mod.cpp"])
    ['g++', '-shared', '-O3', '-g', 'mod.cpp']
    """
    if isinstance(command, list) and command[2:3] == ["-g"]:
        return command[:2] + command[3:]
    return command


def mend(theano):
    """Has Theano's calls of the compiler go without ``-g``

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
        if compiles_fast(theano):
            command = without_debug_information(command)
        return run(command, **params)

    cmodule.output_subprocess_Popen = output_subprocess_Popen
    return (
        "theano.gof.cmodule: no debug information",
        "it takes a tenth of a compile's time; gcc.cxxflags=-g brings it back",
    )
