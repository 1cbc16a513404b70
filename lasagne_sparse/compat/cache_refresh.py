"""Looks at the cache of compiled modules again where another process changed it

Theano 1.0 walks through the folders of its cache without its lock. One that another
process removes in between ends the walk, and the program, by ``FileNotFoundError``; if
the lock was taken by then it is never released. Of fifty processes that start at once
on an empty cache one or two died so.
"""

from .fast_compile import compiles_fast

__all__ = ["mend"]

#: How often one walk is tried; each failure means that another process came further.
TRIES = 20


def mend(theano):
    """Has Theano begin the walk again

    Parameters
    ----------
    theano : module

    Returns
    -------
    name, why : str
    """
    from theano.gof.cmodule import ModuleCache

    from .parallel_compile import lets_go_of_lock

    walk = ModuleCache.refresh

    def refresh(self, *args, **kwargs):
        if compiles_fast(theano):
            for _ in range(TRIES):
                try:
                    with lets_go_of_lock():
                        return walk(self, *args, **kwargs)
                except FileNotFoundError:
                    continue
        return walk(self, *args, **kwargs)

    ModuleCache.refresh = refresh
    return (
        "theano.gof.cmodule: a cache that changes meanwhile",
        "a folder that another process removed ended the program",
    )
