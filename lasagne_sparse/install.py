"""Puts sparse rules and layers into Lasagne, for programs that import it"""

import lasagne

from . import layers, updates

__all__ = ["install", "uninstall"]

_replaced = []  # tuples (module, name, what was there or None)


def install():
    """Replaces Lasagne's embedding layer and update rules by sparse ones

    For a program whose imports cannot be changed: it goes on to use
    ``lasagne.updates.adam`` and ``lasagne.layers.EmbeddingLayer``, and gets
    :func:`lasagne_sparse.updates.adam` and
    :class:`lasagne_sparse.layers.EmbeddingLayer`. Rules that Lasagne lacks,
    such as ``rowwise_adagrad``, are added.

    Call it before the program is imported: a name that a module has already
    taken by ``from lasagne.updates import adam``, or as a default argument,
    stays what it was. Calling it again does nothing.

    ``lasagne.layers.embedding.EmbeddingLayer`` stays Lasagne's layer. A table
    that it looks up is updated as sparsely as one of ours.

    Examples
    --------
    >>> import lasagne
    >>> import lasagne_sparse
    >>> lasagne_sparse.install()
    >>> lasagne.updates.adam is lasagne_sparse.updates.adam
    True
    >>> lasagne_sparse.uninstall()
    """
    if _replaced:
        return
    rules = [name for name in updates.__all__ if name != "SparsityWarning"]
    replacements = [(lasagne.updates, name, getattr(updates, name)) for name in rules]
    added = [
        name for name in updates.rules.__all__ if not hasattr(lasagne.updates, name)
    ]
    replacements.append((lasagne.updates, "__all__", lasagne.updates.__all__ + added))
    # Not in lasagne.layers.embedding, where Lasagne's layer finds itself by name.
    replacements.append((lasagne.layers, "EmbeddingLayer", layers.EmbeddingLayer))
    for module, name, replacement in replacements:
        _replaced.append((module, name, getattr(module, name, None)))
        setattr(module, name, replacement)


def uninstall():
    """Puts Lasagne's own embedding layer and update rules back

    Undoes :func:`install`; does nothing if that was not called.
    """
    while _replaced:
        module, name, original = _replaced.pop()
        if original is None:
            delattr(module, name)
        else:
            setattr(module, name, original)
