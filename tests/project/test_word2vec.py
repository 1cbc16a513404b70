"""The example learns, writes and shows word vectors, and says what is wrong"""

import os
import re
import signal
import sys

import numpy as np
import pytest

from tree import EXAMPLES

sys.path.insert(0, EXAMPLES)

import lasagne_sparse
import blocks
import held_out
import skipgram
import text
import theano
import word2vec
import word_map

ANIMALS = ["cat", "dog", "horse", "cow", "sheep", "goat", "pig", "hen"]
METALS = ["iron", "gold", "lead", "zinc", "tin", "copper", "nickel", "silver"]


def sentences(number, seed=0):
    """Animals stand with animals, metals with metals"""
    rng = np.random.RandomState(seed)
    topics = [ANIMALS, METALS]
    return [" ".join(rng.choice(topics[i % 2], 12)) for i in range(number)]


@pytest.fixture(scope="module")
def corpus_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    path.write_text("\n".join(sentences(400)), encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def learned(corpus_file, tmp_path_factory):
    """One run of the whole program: its folder and its exit code"""
    folder = tmp_path_factory.mktemp("learned")
    return folder, word2vec.main(arguments(corpus_file, folder / "v.txt"))


def arguments(corpus_file, out, *more):
    options = ["--dim", "16", "--epochs", "10", "--subsample", "0"]
    return [corpus_file, "--out", str(out), *options, *more]


def load(path):
    """Reads the text format of word2vec, by its description"""
    with open(path, encoding="utf-8") as file:
        num_words, dim = map(int, file.readline().split(" "))
        rows = [line.rstrip("\n").split(" ") for line in file]
    assert len(rows) == num_words
    vectors = np.array([row[1:] for row in rows], dtype=float)
    assert vectors.shape == (num_words, dim)
    return [row[0] for row in rows], vectors


def test_words_of_one_topic_come_to_lie_together(learned):
    folder, code = learned
    assert code == 0
    words, vectors = load(folder / "v.txt")
    for word in ANIMALS:
        near = word_map.neighbours(vectors, words.index(word), 7)
        assert {words[i] for i in near} == set(ANIMALS) - {word}


def test_vectors_load_in_gensim(learned):
    models = pytest.importorskip("gensim.models")
    folder, _ = learned
    words, vectors = load(folder / "v.txt")
    loaded = models.KeyedVectors.load_word2vec_format(str(folder / "v.txt"))
    assert loaded.index_to_key == words
    np.testing.assert_allclose(loaded.vectors, vectors, rtol=1e-5)


def test_map_is_a_picture(learned):
    folder, _ = learned
    assert (folder / "v.png").read_bytes().startswith(b"\x89PNG\r\n")


def test_same_seed_gives_the_same_file(learned, corpus_file, tmp_path):
    folder, _ = learned
    word2vec.main(arguments(corpus_file, tmp_path / "again.txt"))
    again = (tmp_path / "again.txt").read_bytes()
    assert again == (folder / "v.txt").read_bytes()


def test_another_seed_gives_other_vectors(learned, corpus_file, tmp_path):
    folder, _ = learned
    word2vec.main(arguments(corpus_file, tmp_path / "other.txt", "--seed", "2"))
    other = (tmp_path / "other.txt").read_bytes()
    assert other != (folder / "v.txt").read_bytes()


def test_neighbours_are_printed_and_steps_are_compared(corpus_file, tmp_path, capsys):
    options = arguments(corpus_file, tmp_path / "v.txt", "--compare")
    assert word2vec.main(options) == 0
    printed = capsys.readouterr().out
    assert re.search(r"^  \w+ +(\w+, ){6}\w+$", printed, re.MULTILINE)
    assert re.search(
        r"One step of lasagne_sparse.updates.adagrad took [\d.]+ ms, one of "
        r"lasagne.updates.adagrad [\d.]+ ms",
        printed,
    )


def test_interruption_keeps_what_was_learned(
    corpus_file, tmp_path, capsys, monkeypatch
):
    real = skipgram.SkipGram.trainer

    def trainer(self, *args):
        step, calls = real(self, *args), []

        def interrupted(*inputs):
            calls.append(inputs)
            if len(calls) == 20:
                os.kill(os.getpid(), signal.SIGINT)
            assert len(calls) <= 21, "the signal was not heeded"
            step(*inputs)

        return interrupted

    monkeypatch.setattr(skipgram.SkipGram, "trainer", trainer)
    assert word2vec.main(arguments(corpus_file, tmp_path / "v.txt")) == 0
    assert "Interrupted" in capsys.readouterr().out
    words, vectors = load(tmp_path / "v.txt")
    assert set(words) == set(ANIMALS + METALS)
    assert np.abs(vectors).max() > 0.1  # they began below 1 / 32
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize(
    "content, words",
    [
        (None, "cannot read .*no.txt: No such file"),
        (b"", "no.txt holds no words"),
        (b" .\n\n -- \n", "no.txt holds no words"),
        (b"words \xff\xfe more", "no.txt is not text in UTF-8"),
        (b"few words", "no word occurs 5 times.*--min-count"),
    ],
)
def test_bad_file_is_one_line_and_exit_code_2(tmp_path, capsys, content, words):
    path = tmp_path / "no.txt"
    if content is not None:
        path.write_bytes(content)
    assert word2vec.main([str(path), "--out", str(tmp_path / "v.txt")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(words, line)
    assert not (tmp_path / "v.txt").exists()


def test_one_bad_file_among_several_is_named(corpus_file, tmp_path, capsys):
    options = [corpus_file, str(tmp_path), "--out", str(tmp_path / "v.txt")]
    assert word2vec.main(options) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "cannot read %s: Is a directory" % tmp_path in line


@pytest.mark.parametrize(
    "options, words",
    [
        (["--dim", "0"], "--dim: expected a whole number, 1 or more, got '0'"),
        (["--dim", "ten"], "--dim: expected a whole number, 1 or more, got 'ten'"),
        (["--epochs", "-1"], "--epochs: .* got '-1'"),
        (["--window", "31"], "--window: expected a whole number, 1 to 30, got '31'"),
        (["--negative", "-5"], "--negative: .* got '-5'"),
        (["--subsample", "nan"], "--subsample: .* got 'nan'"),
        (["--learning-rate", "inf"], "--learning-rate: .* got 'inf'"),
        (["--rule", "best"], "--rule: invalid choice: 'best'.*adagrad"),
        (["--seed", "-1"], "--seed: .* got '-1'"),
        (["--out", "/no/such/folder/v.txt"], "no folder /no/such/folder"),
        (["--out", "v.png"], "--out v.png: name a file"),
        (["--dims", "3", "--bogus"], "unrecognized arguments"),
    ],
)
def test_bad_option_is_one_line_and_exit_code_2(capsys, options, words):
    assert word2vec.main(options) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(words, line)


# The parts


def test_words_are_trimmed_and_lowered():
    assert text.words_of("«Don't», she said: (really)!  -- ") == [
        "don't",
        "she",
        "said",
        "really",
    ]


def test_words_keep_the_marks_of_their_script():
    assert text.words_of("हिन्दी, 日本語。") == ["हिन्दी", "日本語"]


def test_corpus_counts_and_leaves_rare_words_out():
    corpus = text.encode(["b a b", "", "c a b"], min_count=2)
    assert corpus.words == ["b", "a"]
    assert corpus.counts.tolist() == [3, 2]
    assert corpus.tokens.tolist() == [0, 1, 0, 1, 0]
    assert corpus.sentences.tolist() == [0, 0, 0, 2, 2]
    assert corpus.length == 6


def test_byte_order_mark_is_no_part_of_a_word(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfword")
    assert list(text.read_lines([str(tmp_path / "a.txt")])) == ["word"]


def test_frequent_words_are_thinned_out():
    # Of 1000 words one has 900: sqrt(0.01 / 0.9) + 0.01 / 0.9.
    keep = blocks.keep_probabilities(np.array([900, 99, 1]), 0.01)
    np.testing.assert_allclose(keep[0], 0.116521, rtol=1e-5)
    assert keep[2] == 1


def test_weights_are_those_of_the_definition():
    window, negative, num_noise = 2, 5, 4
    table = blocks.weight_table(window, negative, num_noise)
    width = blocks.width_for(window)
    row = 0
    for i in range(width):
        for left in range(window + 1):
            for right in range(window + 1):
                expected = np.zeros(width + num_noise)
                for j in range(max(0, i - left), min(width, i + right + 1)):
                    if j != i:
                        expected[j] = -1
                        expected[width:] += negative / num_noise
                np.testing.assert_allclose(table[row], expected, rtol=1e-6)
                row += 1
    assert row == len(table)


def test_batches_hold_the_pairs_of_the_text():
    lines = ["a b c d e f g", "h i j", "k", "l m " * 40]
    corpus = text.encode(lines, min_count=1)
    rng = np.random.RandomState(0)
    sampler = blocks.Sampler(corpus, 1, 0, 3, 2, rng)
    table, width = blocks.weight_table(1, 5, 3), blocks.width_for(1)
    found = set()
    batches = list(sampler.epoch())
    for batch in batches:
        assert batch.targets.shape[1] == width + 3
        assert batch.targets.max() < len(corpus.words)
        weights = table[batch.reaches]
        for block, i, j in np.argwhere(weights[..., :width]):
            pair = batch.tokens[block, i], batch.targets[block, j]
            found.add("".join(corpus.words[word] for word in pair))
    # With a window of 1, and 7 + 3 + 1 + 80 tokens in three blocks: neighbours.
    expected = {a + b for a, b in zip("abcdefhil", "bcdefgijm")}
    assert found == expected | {pair[::-1] for pair in expected}
    np.testing.assert_allclose(sum(batch.length for batch in batches), 91)


def test_loss_and_gradients_are_those_of_the_definition():
    rng = np.random.RandomState(3)
    weights = rng.normal(size=(6, 7)).astype("float32")
    network = skipgram.SkipGram(9, 4, weights, rng)
    for param in network.params:
        param.set_value(rng.normal(size=(9, 4)).astype("float32"))
    # Five words in a block here, and two noise words.
    tokens, targets, reaches = batch = [
        rng.randint(0, high, (3, size)).astype("int32")
        for high, size in [(9, 5), (9, 7), (6, 5)]
    ]
    with theano.configparser.change_flags(floatX="float32"):
        function = theano.function(
            network.inputs, [network.loss(), *network.gradients()]
        )
    loss, *gradients = function(*batch)

    centre, context = (param.get_value() for param in network.params)
    expected = np.zeros((2, 9, 4))
    total = num_pairs = 0.0
    for b in range(3):
        for i in range(5):
            for j in range(7):
                weight = float(weights[reaches[b, i], j])
                u, v = centre[tokens[b, i]], context[targets[b, j]]
                sign = -1 if weight < 0 else 1
                total += abs(weight) * np.log1p(np.exp(sign * (u @ v)))
                num_pairs += weight < 0
                error = weight / (1 + np.exp(-sign * (u @ v)))
                expected[0, tokens[b, i]] += error * v
                expected[1, targets[b, j]] += error * u
    np.testing.assert_allclose(loss, total / num_pairs, rtol=1e-5)
    # As close as tanh_of_half is.
    np.testing.assert_allclose(gradients, expected, rtol=0, atol=5e-3)


def test_tanh_of_half_is_as_close_as_it_says():
    x = theano.tensor.fvector()
    with theano.configparser.change_flags(floatX="float32"):
        function = theano.function([x], skipgram.tanh_of_half(x))
    values = np.concatenate([np.linspace(-30, 30, 6001), [-900, 900]])
    approximate = function(values.astype("float32"))
    assert approximate.dtype == "float32"
    np.testing.assert_allclose(approximate, np.tanh(values / 2), rtol=0, atol=6e-4)


def test_training_does_no_work_of_the_size_of_the_tables():
    weights = blocks.weight_table(1, 5, 2)
    network = skipgram.SkipGram(9, 4, weights, np.random.RandomState(0))
    updates = lasagne_sparse.updates.adagrad(network.gradients(), network.params, 0.1)
    for table in network.params:
        assert "IncSubtensor" in str(updates[table].owner.op)


def test_noise_is_drawn_by_counts_to_the_power_of_three_quarters():
    lines = ["a " * 81, "b " * 16, "c"]
    corpus = text.encode(lines * 40, min_count=1)
    sampler = blocks.Sampler(corpus, 5, 0, 400, 2, np.random.RandomState(0))
    noise = [batch.targets[:, sampler.width :].ravel() for batch in sampler.epoch()]
    shares = np.bincount(np.concatenate(noise)) / sum(map(len, noise))
    np.testing.assert_allclose(shares, np.array([27, 8, 1]) / 36, atol=0.01)


def test_occurrences_are_kept_by_their_probability():
    corpus = text.encode(["a " * 80 + "b " * 20] * 100, min_count=1)
    sampler = blocks.Sampler(corpus, 5, 0.05, 3, 2, np.random.RandomState(0))
    tokens = np.concatenate([batch.tokens.ravel() for batch in sampler.epoch()])
    expected = blocks.keep_probabilities(corpus.counts, 0.05) * corpus.counts
    np.testing.assert_allclose(np.bincount(tokens), expected, rtol=0.1)


def test_subsampling_may_leave_nothing():
    corpus = text.encode(["a b c"] * 9, min_count=1)
    rng = np.random.RandomState(0)
    assert list(blocks.Sampler(corpus, 5, 1e-30, 3, 2, rng).epoch()) == []


def test_area_under_curve_counts_pairs_in_order():
    true, false = np.array([3.0, 1.0, 2.0]), np.array([2.0, 0.0])
    pairs = [(t > f) + (t == f) / 2 for t in true for f in false]
    assert held_out.area_under_curve(true, false) == pytest.approx(np.mean(pairs))


def test_held_out_score_knows_good_vectors_from_bad():
    corpus = text.encode(sentences(60), min_count=1)
    animal = np.array([word in ANIMALS for word in corpus.words])
    good = np.stack([animal, ~animal], axis=1).astype("float32")
    args = corpus.tokens, corpus.sentences, corpus.counts
    assert held_out.held_out_score(good, good, *args) > 0.7
    assert held_out.held_out_score(good, -good, *args) < 0.3


def test_neighbours_are_sought_by_angle_among_the_commonest():
    vectors = np.array([[1.0, 0.0], [0.0, 1.0], [9.0, 8.0], [1.0, 0.1]])
    assert word_map.neighbours(vectors, 0, 9) == [3, 2, 1]
    assert word_map.neighbours(vectors, 3, 9, among=2) == [0, 1]


def test_content_words_come_in_clusters():
    rng = np.random.RandomState(0)
    topics = [["%s%d" % (topic, i) for i in range(8)] for topic in ("aa", "bb", "cc")]
    lines = []
    for topic in topics * 8:  # a thousand words each time
        lines += [" ".join(rng.choice(topic + ["and"], 50)) for _ in range(20)]
    corpus = text.encode(lines, min_count=1)
    chosen = {corpus.words[i] for i in word_map.content_words(corpus, 100)}
    assert chosen == {word for topic in topics for word in topic}


@pytest.mark.parametrize("num_words", [1, 2, 3, 5])
def test_layout_serves_few_words(num_words):
    vectors = np.random.RandomState(0).normal(size=(num_words, 4))
    places = word_map.layout(vectors)
    assert places.shape == (num_words, 2)
    assert np.isfinite(places).all()


def test_layout_keeps_groups_together():
    rng = np.random.RandomState(0)
    vectors = np.concatenate([rng.normal(m, 0.3, (20, 5)) for m in (-1, 1)])
    places = word_map.layout(vectors)
    middles = places[:20].mean(axis=0), places[20:].mean(axis=0)
    for i, place in enumerate(places):
        distances = [np.linalg.norm(place - middle) for middle in middles]
        assert np.argmin(distances) == i // 20
