"""What a rule keeps between steps: which variable is what, and where it lives

.. autosummary::
    :nosignatures:

    slots.Slot
    slots.slot_of
    slots.named_states
"""

from .slots import Slot, named_states, slot_of

__all__ = ["Slot", "named_states", "slot_of"]
