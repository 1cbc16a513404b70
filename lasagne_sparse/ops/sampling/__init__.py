"""Ops that draw classes at random: the same draws in Python and C, on every device"""

__all__ = []
