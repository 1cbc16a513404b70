"""Rewrites about bags: lookups that are summed, and gradients that are spread."""

__all__ = []
