"""What is computed for a row, as data: its meaning in NumPy, and its C"""

__all__ = []
