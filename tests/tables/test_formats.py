"""Vectors come and go in the formats of others, exactly, or an error names the line"""

import os
import resource

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import theano
from altering import judge_copies, vectors_of_all_formats
from lasagne_sparse.tables import FileError, KeyMap, formats
from lasagne_sparse.tables.formats import load_into, read_vectors, write_vectors

FORMATS = ["word2vec", "word2vec-bin", "glove", "npy", "safetensors"]
WORDS = ["the", "wört", "𝛼-beta", "</s>", "1.5"]
VALUES = np.random.RandomState(0).normal(size=(5, 3)).astype("float32")


@pytest.fixture(autouse=True)
def packages(request):
    if "safetensors" in request.node.name:
        pytest.importorskip("safetensors")


def written(tmp_path, format, words=WORDS, values=VALUES):
    path = str(tmp_path / "vectors")
    write_vectors(path, words, values, format)
    return path


FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize("format", FORMATS)
@hypothesis.given(st.data())
@hypothesis.settings(
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
def test_vectors_come_back_bit_by_bit(tmp_path, format, data):
    letters = st.characters(blacklist_categories=["Cs", "Zs", "Cc", "Zl", "Zp"])
    words = data.draw(st.lists(st.text(letters, min_size=1), unique=True, min_size=1))
    dim = data.draw(st.integers(1, 4))
    numbers = st.lists(FLOATS, min_size=dim, max_size=dim)
    rows = data.draw(st.lists(numbers, min_size=len(words), max_size=len(words)))
    values = np.array(rows, "float32")
    found = read_vectors(written(tmp_path, format, words, values), format)
    assert found.words == words
    assert found.vectors.tobytes() == values.tobytes()


@pytest.mark.parametrize("format", FORMATS)
def test_vectors_in_many_blocks_come_back(tmp_path, format, monkeypatch):
    monkeypatch.setattr("lasagne_sparse.tables.formats.binary._CHUNK", 100)
    monkeypatch.setattr("lasagne_sparse.tables.store.arrays.SIZE", 100)
    words = ["w%d" % k for k in range(2500)]
    values = np.random.RandomState(0).normal(size=(2500, 3)).astype("float32")
    table = theano.shared(values, "W")
    found = read_vectors(written(tmp_path, format, words, table), format)
    assert found.words == words
    np.testing.assert_array_equal(found.vectors, values)


@pytest.mark.parametrize("binary", [False, True])
def test_gensim_reads_what_is_written_and_the_other_way_round(tmp_path, binary):
    models = pytest.importorskip("gensim.models")
    format = "word2vec-bin" if binary else "word2vec"
    path = written(tmp_path, format)
    theirs = models.KeyedVectors.load_word2vec_format(path, binary=binary)
    assert theirs.index_to_key == WORDS
    np.testing.assert_array_equal(theirs.vectors, VALUES)
    theirs.save_word2vec_format(path + "2", binary=binary)
    found = read_vectors(path + "2", format)
    assert found.words == WORDS
    np.testing.assert_array_equal(found.vectors, VALUES)


def test_gensim_reads_glove_without_a_header(tmp_path):
    models = pytest.importorskip("gensim.models")
    path = written(tmp_path, "glove")
    theirs = models.KeyedVectors.load_word2vec_format(path, no_header=True)
    assert theirs.index_to_key == WORDS
    np.testing.assert_array_equal(theirs.vectors, VALUES)


def test_keyed_vectors_go_in_and_out():
    pytest.importorskip("gensim")
    theirs = formats.keyed_vectors(WORDS, theano.shared(VALUES))
    assert theirs.most_similar("the", topn=1)
    found = read_vectors(theirs)
    assert found.words == WORDS
    np.testing.assert_array_equal(found.vectors, VALUES)
    with pytest.raises(TypeError, match="gensim's KeyedVectors, got list"):
        read_vectors([1])


def test_numpy_reads_what_is_written(tmp_path):
    path = written(tmp_path, "npy")
    np.testing.assert_array_equal(np.load(path, allow_pickle=False), VALUES)
    for values in (np.asfortranarray(VALUES), VALUES.astype(">f8"), VALUES[:, :0]):
        with open(path, "wb") as file:
            np.save(file, values)
        found = read_vectors(path, "npy").vectors
        np.testing.assert_array_equal(found, values)


def test_safetensors_reads_what_is_written(tmp_path):
    package = pytest.importorskip("safetensors.numpy")
    path = str(tmp_path / "a.safetensors")
    W = theano.shared(VALUES, "words.W")
    formats.write_safetensors(path, {"words.W": W, "n": np.int64([3])}, {"a": "b"})
    np.testing.assert_array_equal(package.load_file(path)["words.W"], VALUES)
    assert sorted(formats.read_safetensors(path)) == ["n", "words.W"]


def test_digest_beside_safetensors_is_looked_at(tmp_path):
    path = written(tmp_path, "safetensors")
    with open(path, "r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\x07")
    with pytest.raises(FileError, match="is altered, or its digest is of another file"):
        read_vectors(path, "safetensors")
    os.unlink(path + ".sha256")
    read_vectors(path, "safetensors")


def test_lines_of_fasttext_and_of_windows_are_read(tmp_path):
    path = tmp_path / "v.vec"
    path.write_bytes(b"2 2\na 1 2 \r\nb\t3\t4\r\n")
    found = read_vectors(str(path))
    assert found.words == ["a", "b"] and found.vectors.tolist() == [[1, 2], [3, 4]]


def test_word_with_a_blank_is_read_from_glove(tmp_path):
    path = tmp_path / "v.txt"
    path.write_bytes(b"a 1 2\n. . . 3 4\n")
    assert read_vectors(str(path), "glove").words == ["a", ". . ."]


def test_text_without_a_header_is_glove(tmp_path):
    path = tmp_path / "v.txt"
    path.write_bytes(b"a 1 2\nb 3 4\n")
    assert read_vectors(str(path)).words == ["a", "b"]


def test_only_words_that_are_wanted_are_kept(tmp_path):
    found = read_vectors(written(tmp_path, "glove"), "glove", wanted={"1.5", "the"})
    assert found.words == ["the", "1.5"]
    np.testing.assert_array_equal(found.vectors, VALUES[[0, 4]])


# --- What is wrong with a file ----------------


BAD_TEXT = [
    (b"", "holds no vectors"),
    (b"3 2\na 1.25 2.25\nb 3.25 4.25\n", "line 1 tells of 3 vectors, and there are 2"),
    (b"2 2\na 1 2\nb 3\n", "line 3: expected a word and 2 numbers, got 1 of them"),
    (b"2 2\na 1 2\nb 3 x\n", "line 3: could not convert string to float: b'x'"),
    (b"2 2\na 1 2\nb 3 1_0\n", "line 3: could not convert string to float: b'1_0'"),
    (b"2 2\na 1 2\na 3 4\n", "line 3: the word 'a' is there already: line 2"),
    (b"2 2\na 1 2\n\xff 3 4\n", "line 3: the word is not text in UTF-8"),
    (b"2 2\na 1 2\nb 3 nan\n", "line 3: a number is not finite"),
    (b"2 2\na 1 2\nb 3 1e300\n", "line 3: a number is not finite"),
    (b"99999999999 300\na 1 2\n", "line 1: 99999999999 vectors .* do not fit into 22"),
    (b"2 0\na\nb\n", "line 1: 2 vectors of 0 numbers do not fit"),
    (b"a\nb\n", "line 1: expected a word and numbers"),
    (b"a 1 2\n\nb 3 4\n", "line 2: expected a word and 2 numbers, got 0"),
]


@pytest.mark.parametrize("data, words", BAD_TEXT)
def test_bad_line_is_named(tmp_path, data, words):
    path = tmp_path / "v.txt"
    path.write_bytes(data)
    with pytest.raises(FileError, match=words):
        read_vectors(str(path))


BAD_BINARY = [
    (b"2 2\na " + bytes(8) + b"b " + bytes(5), "vectors of 2 numbers do not fit"),
    (b"2 2\na " + bytes(8) + b"b" + bytes(9), "vector 2: it is cut, or not"),
    (b"1 2\na " + bytes(8) + b"rest", "something follows the 1 vectors"),
    (b"1 2\n\xff " + bytes(8), "vector 1: the word is not text in UTF-8"),
    (b"1 2\na " + b"\xff" * 8, "vector 1: a number is not finite"),
    (b"2 1\na " + bytes(4) + b"a " + bytes(4), "vector 2: the word 'a' is there"),
    (b"hello\n", "line 1: expected how many vectors"),
    (b"99999999999 300\na", "do not fit into 17 bytes"),
]


@pytest.mark.parametrize("data, words", BAD_BINARY)
def test_bad_vector_is_named(tmp_path, data, words):
    path = tmp_path / "v.bin"
    path.write_bytes(data)
    with pytest.raises(FileError, match=words):
        read_vectors(str(path))


def npy(header, data=b""):
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


BAD_NPY = [
    b"",
    b"text",
    npy(b"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999, 99999999), }"),
    npy(b"{'descr': '|O', 'fortran_order': False, 'shape': (1, 1), }", b"x" * 8),
    npy(b"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", b"x" * 8),
    npy(b"{'descr': '<f9', 'fortran_order': False, 'shape': (1, 1), }", b"x" * 9),
    npy(b"(" * 5000),
    npy(b"__import__('os').abort()"),
]


@pytest.mark.parametrize("data", BAD_NPY)
def test_bad_header_of_npy_is_refused(tmp_path, data):
    path = tmp_path / "v.npy"
    path.write_bytes(data)
    (tmp_path / "v.npy.words").write_text("a\n")
    with pytest.raises(FileError, match="v.npy"):
        read_vectors(str(path))


def test_other_number_of_words_is_told(tmp_path):
    path = written(tmp_path, "npy")
    with open(path + ".words", "a") as file:
        file.write("more\n")
    with pytest.raises(FileError, match="a row for each of 6 words, got float32 of"):
        read_vectors(path, "npy")
    os.unlink(path + ".words")
    with pytest.raises(FileError, match="cannot read .*vectors: No such file"):
        read_vectors(path, "npy")


def test_safetensors_of_others_is_told(tmp_path):
    path = str(tmp_path / "a.safetensors")
    formats.write_safetensors(path, {"weight": VALUES})
    with pytest.raises(FileError, match="got weight: see read_safetensors"):
        read_vectors(path)


def test_altered_copies_of_every_format_are_an_error_or_vectors(tmp_path):
    pytest.importorskip("safetensors")
    for _, path, read in vectors_of_all_formats(str(tmp_path)):
        read()
        assert judge_copies(path, read, 40, 1, FileError) > 5


@pytest.mark.parametrize("format", FORMATS)
def test_file_that_is_not_there_is_told(tmp_path, format):
    with pytest.raises(FileError, match="cannot read .*: No such file or directory"):
        read_vectors(str(tmp_path / "no"), format)


# --- What cannot be written ----------------


@pytest.mark.parametrize("format", FORMATS)
def test_full_disk_leaves_the_old_file(tmp_path, format):
    path = written(tmp_path, format)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    values = np.ones((2000, 3), "float32")
    words = ["word%d" % k for k in range(2000)]
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, limit[1]))
    try:
        with pytest.raises(FileError, match="cannot write .*vectors.*as it was"):
            write_vectors(path, words, values, format)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_words_stay_with_their_vectors_on_a_full_disk(tmp_path):
    """The words fit, and the vectors do not"""
    path = written(tmp_path, "npy")
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, limit[1]))
    try:
        with pytest.raises(FileError, match="cannot write"):
            write_vectors(path, ["a", "b"], np.ones((2, 5000)), "npy")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    "words, values, told",
    [
        (WORDS, VALUES[:4], "there are 5 words for 4 vectors"),
        (["a"] * 5, VALUES, "word 'a' is there twice: 0, 1"),
        (["a", "b", 3, "c", "d"], VALUES, "word 2 must be a text, got 3"),
        (["\ud800", "b", "c", "d", "e"], VALUES, "word 0, .*, is no text"),
        (WORDS, VALUES.astype("int32"), "must be of a float dtype, got int32"),
        (WORDS, VALUES[0], "must be a matrix, got 1 axes"),
    ],
)
def test_what_cannot_be_written_is_told(tmp_path, format, words, values, told):
    with pytest.raises(ValueError, match=told):
        written(tmp_path, format, words, values)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("format", ["word2vec", "word2vec-bin", "glove"])
@pytest.mark.parametrize("word", ["", "a b", "a\nb"])
def test_word_that_a_format_cannot_hold_is_told(tmp_path, format, word):
    with pytest.raises(ValueError, match="cannot be written in this format"):
        written(tmp_path, format, [word] + WORDS[1:])


def test_unknown_format_is_told(tmp_path):
    with pytest.raises(ValueError, match="format must be one of word2vec, .*got None"):
        write_vectors(str(tmp_path / "v.doc"), WORDS, VALUES)
    with pytest.raises(ValueError, match="got 'csv'"):
        read_vectors("v.txt", "csv")


# --- Into a table ----------------


def table(rows=4, units=3):
    value = np.full((rows, units), 9, theano.config.floatX)
    return theano.shared(value, "W")


@pytest.mark.parametrize("kind", ["list", "dict", "keys"])
def test_table_gets_the_vectors_of_its_words(tmp_path, kind):
    vocabulary = ["<pad>", "1.5", "new", "the"]
    if kind == "dict":
        vocabulary = {word: row for row, word in enumerate(vocabulary)}
    if kind == "keys":
        vocabulary = KeyMap(4, "text")
        vocabulary.admit(["1.5", "new", "the"])
    W = table()
    filled = load_into(W, written(tmp_path, "word2vec"), vocabulary, "word2vec")
    absent = ["new"] if kind == "keys" else ["<pad>", "new"]
    assert filled.found == ["the", "1.5"] and filled.missing == absent
    assert filled.unused == 3
    expected = np.stack([np.full(3, 9), VALUES[4], np.full(3, 9), VALUES[0]])
    np.testing.assert_allclose(W.get_value(), expected, rtol=1e-7)


def test_missing_words_are_initialised_if_asked_for(tmp_path):
    W = table()
    path = written(tmp_path, "word2vec")
    load_into(W, path, ["x", "the", "y"], "word2vec", missing=np.zeros)
    np.testing.assert_array_equal(W.get_value()[[0, 2]], 0)
    np.testing.assert_array_equal(W.get_value()[3], 9)


def test_layer_stands_for_its_table(tmp_path):
    class Layer:
        W = table()

    load_into(Layer(), written(tmp_path, "glove"), ["the"], "glove")
    np.testing.assert_allclose(Layer.W.get_value()[0], VALUES[0], rtol=1e-7)


def test_bad_input_changes_no_table(tmp_path):
    W, path = table(), written(tmp_path, "word2vec")
    with pytest.raises(ValueError, match="has row 4 for 'e', and the table has 4 rows"):
        load_into(W, path, list("abcde"), "word2vec")
    with pytest.raises(ValueError, match="a word is in the vocabulary twice"):
        load_into(W, path, ["the", "the"], "word2vec")
    with pytest.raises(FileError, match="vectors of 3 numbers, and the table's rows"):
        load_into(table(units=2), path, ["the"], "word2vec")
    with open(path, "ab") as file:
        file.write(b"more 1 2 3\n")
    with pytest.raises(FileError, match="line 1 tells of 5 vectors"):
        load_into(W, path, ["the"], "word2vec")
    with pytest.raises(ValueError):
        missing = np.ones((7, 7))
        write_vectors(path, WORDS, VALUES, "word2vec")
        load_into(W, path, ["the", "x"], "word2vec", missing=lambda shape: missing)
    np.testing.assert_array_equal(W.get_value(), 9)


# --- For TensorBoard ----------------


def test_projector_gets_vectors_words_and_columns(tmp_path):
    folder = str(tmp_path / "logs")
    formats.write_projector(folder, WORDS, theano.shared(VALUES), count=range(5))
    vectors = np.loadtxt(os.path.join(folder, "vectors.tsv"), delimiter="\t")
    np.testing.assert_array_equal(vectors.astype("float32"), VALUES)
    with open(os.path.join(folder, "vectors_words.tsv"), encoding="utf-8") as file:
        assert file.read().splitlines()[:2] == ["word\tcount", "the\t0"]
    with open(os.path.join(folder, "projector_config.pbtxt")) as file:
        assert 'tensor_path: "vectors.tsv"' in file.read()


@pytest.mark.parametrize(
    "options, told",
    [
        (dict(name="a/b"), "name must be of letters, digits and _"),
        (dict(count=[1]), "count has 1 values for 5 words"),
        (dict(words=["a\tb"] + WORDS[1:]), "cannot be written in this format"),
    ],
)
def test_projector_tells_what_it_cannot_show(tmp_path, options, told):
    words = options.pop("words", WORDS)
    with pytest.raises(ValueError, match=told):
        formats.write_projector(str(tmp_path / "new"), words, VALUES, **options)
    assert not (tmp_path / "new").exists()
