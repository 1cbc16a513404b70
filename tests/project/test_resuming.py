"""The example goes on with a training that was saved, or says why it cannot"""

import os
import signal
import sys

import numpy as np
import pytest
import theano
import theano.tensor as T

from modes import compiling_with
from tree import EXAMPLES

sys.path.insert(0, EXAMPLES)

import word2vec


class Network:
    """In the place of SkipGram, which is long to compile: it uses all that it reads"""

    def __init__(self, num_words, dim, weights, rng):
        start = rng.random_sample((num_words, dim))
        self.W = theano.shared(start.astype("float32"), "W", target="cpu")
        self.centre = self
        self.inputs = [T.imatrix(), T.imatrix(), T.imatrix()]

    def trainer(self, rule, learning_rate):
        rows = T.cast(self.inputs[0][0] + self.inputs[1][0, -1], "int32")
        sums = T.sin(T.cast(T.sum(rows * rows) + T.sum(self.inputs[2]), "float32"))
        self.updates = {self.W: self.W * np.float32(0.9) + sums}
        with compiling_with(linker="py"):
            return theano.function(
                self.inputs, updates=self.updates, on_unused_input="ignore"
            )

    def reporter(self):
        return lambda *inputs: 0.0


@pytest.fixture(autouse=True)
def network(monkeypatch):
    monkeypatch.setattr(word2vec, "SkipGram", Network)


@pytest.fixture(scope="module")
def corpus_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    words = np.random.RandomState(0).randint(40, size=(300, 12))
    lines = [
        " ".join("w" + "abcdefghij"[n % 10] * (n // 10 + 1) for n in line)
        for line in words
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def run(corpus_file, out, *more):
    options = ["--dim", "8", "--epochs", "3", "--subsample", "0"]
    return word2vec.main([corpus_file, "--out", str(out), *options, *map(str, more)])


def interrupt_at(monkeypatch, call):
    real = Network.trainer

    def trainer(self, *args):
        step, calls = real(self, *args), []

        def interrupted(*inputs):
            calls.append(inputs)
            if len(calls) == call:
                os.kill(os.getpid(), signal.SIGINT)
            step(*inputs)

        return interrupted

    monkeypatch.setattr(Network, "trainer", trainer)


def test_interrupted_training_goes_on_bit_by_bit(corpus_file, tmp_path, capsys):
    assert run(corpus_file, tmp_path / "whole.txt") == 0
    with pytest.MonkeyPatch.context() as patch:
        interrupt_at(patch, 12)  # within the second epoch
        assert run(corpus_file, tmp_path / "v.txt", "--save", tmp_path / "run") == 0
        assert "Interrupted" in capsys.readouterr().out
    whole = (tmp_path / "whole.txt").read_bytes()
    assert (tmp_path / "v.txt").read_bytes() != whole
    assert run(corpus_file, tmp_path / "v.txt", "--resume", tmp_path / "run") == 0
    assert "Going on after" in capsys.readouterr().out
    assert (tmp_path / "v.txt").read_bytes() == whole
    # What is finished is finished: nothing is left to read.
    assert run(corpus_file, tmp_path / "v.txt", "--resume", tmp_path / "run") == 0
    assert (tmp_path / "v.txt").read_bytes() == whole
    assert (
        run(
            corpus_file, tmp_path / "v.txt", "--resume", tmp_path / "run", "--window", 3
        )
        == 2
    )
    assert "--window is not what it was" in capsys.readouterr().err


def test_folder_without_a_checkpoint_is_one_line(corpus_file, tmp_path, capsys):
    assert run(corpus_file, tmp_path / "v.txt", "--resume", tmp_path / "no") == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("word2vec.py: --resume") and "no such folder" in said
    assert "\n" not in said
