"""Vectors for the projector of TensorBoard"""

import os

from ..files import reporting, whole_file
from .writing import blocks_of, checked_words

__all__ = ["write_projector"]


def write_projector(folder, words, vectors, name="vectors", **columns):
    """Writes what TensorBoard's projector shows: ``tensorboard --logdir FOLDER``

    Parameters
    ----------
    folder : str
        Is made if it is not there; gets ``NAME.tsv``, ``NAME_words.tsv`` and
        ``projector_config.pbtxt``.
    words : sequence of str
    vectors : numpy.ndarray or shared variable, shape ``(num_words, num_units)``
    name : str
        What the vectors are called there; letters, digits and ``_``.
    **columns
        More to tell of each word: ``count=keys.counts``.

    Raises
    ------
    FileError
        If a file cannot be written.
    ValueError
        If `name` is no such name, a word has a tab or a line's end in it, or something
        has another length.
    """
    if not name.replace("_", "a").isalnum():
        raise ValueError("name must be of letters, digits and _, got %r" % (name,))
    count, dim, dtype, blocks = blocks_of(vectors)
    words = checked_words(words, count, "\t\r\n")
    for column, values in columns.items():
        if len(values) != count:
            raise ValueError(
                "%s has %d values for %d words" % (column, len(values), count)
            )
    with reporting("write", folder):
        os.makedirs(folder, exist_ok=True)
    with whole_file(os.path.join(folder, name + ".tsv"), text=True) as file:
        line = "\t".join(["%.9g"] * dim) + "\n"
        for block in blocks:
            file.write("".join(line % tuple(row) for row in block.tolist()))
    with whole_file(os.path.join(folder, name + "_words.tsv"), text=True) as file:
        # With one column TensorBoard takes the first line for a word.
        if columns:
            file.write("\t".join(["word", *columns]) + "\n")
        for fields in zip(words, *columns.values()):
            file.write("\t".join(map(str, fields)) + "\n")
    with whole_file(os.path.join(folder, "projector_config.pbtxt"), text=True) as file:
        file.write(
            'embeddings {\n  tensor_name: "%s"\n  tensor_path: "%s.tsv"\n'
            '  metadata_path: "%s_words.tsv"\n}\n' % (name, name, name)
        )
