"""Asks of the variables that a caller hands over"""

from theano.gof.graph import Variable

__all__ = ["listed", "shape_now"]


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
