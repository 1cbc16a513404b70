"""What was mended, and what is off and cannot be mended from here"""

from typing import NamedTuple

__all__ = ["Mend", "Trouble", "mends", "troubles"]


class Mend(NamedTuple):
    """Something this package changed so that the stack works

    Attributes
    ----------
    name : str
        What was mended.
    why : str
        Why it was needed, in one line.
    """

    name: str
    why: str


class Trouble(NamedTuple):
    """Something that is off, and that this package cannot mend

    Attributes
    ----------
    what : str
        What is off, in one line.
    remedy : str
        What the user can do about it.
    """

    what: str
    remedy: str


#: A list of :class:`Mend`, in the order in which they were made.
mends = []
#: A list of :class:`Trouble`.
troubles = []
