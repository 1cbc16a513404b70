"""The rewrites that make one Op of writes to rows, or of lookups and what follows"""

__all__ = []
