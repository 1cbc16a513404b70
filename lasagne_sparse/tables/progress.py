"""A bar on the terminal, where there is one and tqdm is installed"""

import contextlib
import importlib.util
import sys

__all__ = ["bar"]

#: What is over at once needs no bar.
SMALL = 1 << 26


@contextlib.contextmanager
def bar(total, label, show=None, unit="B"):
    """Shows how much of a long job is done

    Parameters
    ----------
    total : int
        How much there is to do.
    label : str
        What is done.
    show : bool, optional
        If left out: where standard error is a terminal, tqdm is installed, and the
        job is not a small one.
    unit : str
        What `total` counts.

    Yields
    ------
    callable
        To be called with what was done since the last call.

    Raises
    ------
    ImportError
        If `show` is True and tqdm is not installed.

    Examples
    --------
    >>> with bar(10, 'counting', show=False) as advance:
    ...     advance(10)
    """
    if show is None:
        big = unit != "B" or total >= SMALL
        show = big and sys.stderr.isatty() and importlib.util.find_spec("tqdm")
    if not show:
        yield lambda done: None
        return
    from tqdm import tqdm

    with tqdm(total=total, desc=label, unit=unit, unit_scale=True) as shown:
        yield shown.update
