"""What does a compiled function touch, and what does the library stand on?"""

__all__ = []
