"""What a rule keeps between steps: which variable is what, and where it lives

.. autosummary::
    :nosignatures:

    Slot
    slot_of
    named_states
"""

from .slots import Slot, named_states, slot_of

__all__ = ["Slot", "named_states", "slot_of"]
