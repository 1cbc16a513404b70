"""What a map of keys believes of a checkpoint"""

import numpy as np

from ..errors import FileError

__all__ = ["look_at"]


def look_at(state, settings):
    """Looks whether a state is one of a map with these settings

    Parameters
    ----------
    state : object
        As it was read.
    settings : dict

    Raises
    ------
    FileError
        If it is not.
    """
    try:
        for name, value in settings.items():
            _expect(
                state["settings"][name] == value,
                "its %s is %r, and here it is %r"
                % (name, state["settings"][name], value),
            )
        rows, most = state["rows"], settings["num_rows"]
        _expect(rows.dtype.kind == "i" and rows.ndim == 1, "its rows are no numbers")
        _expect(len(np.unique(rows)) == len(rows), "a row has two keys")
        inside = (rows >= 0) & (rows < most) & (rows != settings["unknown"])
        _expect(inside.all(), "a row is out of range")
        for name in ("counts", "last"):
            _expect(state[name].shape == rows.shape, "its %s are cut" % name)
        last, step = state["last"], state["step"]
        _expect((last > 0).all() and (last <= step).all(), "its ages are impossible")
        _expect(rows.max(initial=-1) < state["next"] <= most, "rows are beyond its end")
        _expect(isinstance(state["random"], np.random.RandomState), "no random state")
        _expect(len(_keys(state["keys"])) == len(rows), "its keys are cut")
        others = state.get("candidates")
        _expect((others is None) == (settings["admit_after"] == 1), "no candidates")
        if others is not None:
            keys, counts, last, positions, length = others
            number = len(_keys(keys))
            _expect(
                number <= length <= settings["num_candidates"], "too many candidates"
            )
            _expect(
                all(len(values) == number for values in (counts, last, positions)),
                "candidates are cut",
            )
            rising = (np.diff(positions) > 0).all() and (positions >= 0).all()
            _expect(rising and (positions < length).all(), "candidates out of range")
            _expect((counts > 0).all(), "candidates that were never seen")
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        raise FileError("what was saved is no map of keys: %r" % error) from error


def _keys(arrays):
    return arrays[-1]


def _expect(true, message):
    if not true:
        raise FileError("the map of keys that was saved does not fit: " + message)
