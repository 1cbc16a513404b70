"""What goes around a rule, by the path that it had while it stood in one file"""

from .constraints import norm_constraint, total_norm_constraint
from .momentum import apply_momentum
from .nesterov_momentum import apply_nesterov_momentum

__all__ = [
    "apply_momentum",
    "apply_nesterov_momentum",
    "norm_constraint",
    "total_norm_constraint",
]
