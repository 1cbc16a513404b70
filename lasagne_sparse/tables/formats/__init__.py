"""Word vectors in the formats that others read and write

=================  =====================  ================================
``format``         usual endings          is
=================  =====================  ================================
``word2vec``       ``.txt``, ``.vec``     text with a line of counts first: word2vec's,
                                          and fastText's vectors
``word2vec-bin``   ``.bin``               word2vec's binary one
``glove``          ``.txt``               text without that line
``npy``            ``.npy``               NumPy's; the words in a file beside it
``safetensors``    ``.safetensors``       needs the package of that name
=================  =====================  ================================

fastText's models (``.bin``) and gensim's own files are read by gensim; what it returns
is taken in the place of a path.

.. autosummary::
    :nosignatures:

    reading.read_vectors
    reading.load_into
    writing.write_vectors
    safetensors_file
    gensim_vectors.keyed_vectors
    projector.write_projector
"""

from .gensim_vectors import keyed_vectors
from .projector import write_projector
from .reading import Vectors, load_into, read_vectors
from .safetensors_file import read_safetensors, write_safetensors
from .writing import write_vectors

__all__ = [
    "Vectors",
    "keyed_vectors",
    "load_into",
    "read_safetensors",
    "read_vectors",
    "write_projector",
    "write_safetensors",
    "write_vectors",
]
