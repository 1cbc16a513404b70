"""Asks of the variables that a caller hands over"""

from theano.gof.graph import Variable

__all__ = ["called", "listed", "shape_now"]


def called(shared):
    """Returns what a shared variable is called

    Parameters
    ----------
    shared : shared variable

    Returns
    -------
    str
        Its name; of one without a name dtype and shape, ``float64 50 x 4``.
    """
    if shared.name:
        return shared.name
    lengths = " x ".join(str(n) for n in shape_now(shared))
    return ("%s %s" % (shared.dtype, lengths)).rstrip()


def shape_now(shared):
    """Returns the shape that the value of a shared variable has now

    Parameters
    ----------
    shared : shared variable

    Returns
    -------
    tuple of int
        Nothing is copied, nor fetched from a GPU.
    """
    return shared.get_value(borrow=True, return_internal_type=True).shape


def listed(variables, name):
    """Makes a list of variables, if they were not given as one alone

    Parameters
    ----------
    variables : iterable of Theano variables
    name : str
        What the caller's argument is called.

    Returns
    -------
    list

    Raises
    ------
    TypeError
        If `variables` is a Theano variable: its rows, which Theano may or may not
        know, would be taken for the items of a list.
    """
    if isinstance(variables, Variable):
        raise TypeError(
            "%s must be a list of shared variables and the like, got %s: write [%s]"
            % (name, variables, variables)
        )
    return list(variables)
