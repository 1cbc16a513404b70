"""Which rows of a table does an expression touch, and what is it there?

The one theory of rows that rules, layers and rewrites share.
"""
