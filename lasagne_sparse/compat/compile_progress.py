"""Says what is being compiled, where a person waits for it

By tqdm, if that is installed: no result depends on it, so it is no requirement. Nothing
is shown where the error stream is no terminal, nor for what takes under two seconds.
"""

import contextlib
import sys
import time

__all__ = ["PATIENCE", "progress"]

#: Seconds without a word.
PATIENCE = 2.0


class _Silent:
    def update(self, name):
        """Does nothing"""


class _Bar:
    """A bar that appears when patience is at an end

    Parameters
    ----------
    total : int
    tqdm : class
    """

    def __init__(self, total, tqdm):
        self._total, self._tqdm = total, tqdm
        self._done, self._start, self._bar = 0, time.time(), None

    def update(self, name):
        """Counts one module

        Parameters
        ----------
        name : str
            What was compiled.
        """
        self._done += 1
        if self._bar is None:
            if time.time() - self._start < PATIENCE or self._done == self._total:
                return
            self._bar = self._tqdm(
                total=self._total,
                initial=self._done - 1,
                desc="Theano compiles",
                unit="module",
                leave=False,
            )
        self._bar.set_postfix_str(name[:40], refresh=False)
        self._bar.update()

    def close(self):
        """Takes the bar off the screen"""
        if self._bar is not None:
            self._bar.close()


@contextlib.contextmanager
def progress(total):
    """Yields what is to be told of each module that is done

    Parameters
    ----------
    total : int
        The number of modules.
    """
    tqdm = _find_tqdm() if total > 1 and _is_seen() else None
    if tqdm is None:
        yield _Silent()
        return
    bar = _Bar(total, tqdm)
    try:
        yield bar
    finally:
        bar.close()


def _is_seen():
    try:
        return sys.stderr.isatty()
    except (AttributeError, ValueError):  # replaced, None or closed
        return False


def _find_tqdm():
    """Returns tqdm's class, without the thread that it would start, or None."""
    try:
        from tqdm import tqdm
    except ImportError:
        return None

    class Bar(tqdm):
        monitor_interval = 0  # a thread of its own would not survive a fork

    return Bar
