"""Ops about indices: distinct rows, gathers, sums of gradient rows"""

__all__ = []
