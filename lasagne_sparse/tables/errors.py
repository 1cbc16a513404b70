"""The one error for what is wrong with a file"""

__all__ = ["FileError"]


class FileError(Exception):
    """
    lasagne_sparse.tables.errors.FileError

    A file cannot be written, or is not what it should be: cut, altered, of another
    format, on a disk that is full. The message says which file, what was expected,
    and what to do. What was in memory, and what was saved before, is unchanged.

    Examples
    --------
    >>> from lasagne_sparse.tables import checkpoint, FileError
    >>> try:
    ...     checkpoint.load('/no/such/folder')
    ... except FileError as error:
    ...     print(error)
    there is no checkpoint in /no/such/folder: no such folder
    """
