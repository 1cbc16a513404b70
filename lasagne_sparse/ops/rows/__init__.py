"""Ops that run a program for each row: updates of tables, maps over lookups"""

__all__ = []
