"""Times our word vectors against gensim's, in turns, and judges both by held-out text.

The text is the docstrings of the installed packages, or a file: a sentence a line,
words separated by spaces. A tenth of the sentences is kept apart. Both learn from the
rest, epoch by epoch in turns, with the same settings and as many threads as there are
cores; then both are judged by how well they tell pairs of words of the held-out
sentences from random pairs (the area under the curve; 0.5 is chance). ::

    python benchmarks/word2vec.py
    python benchmarks/word2vec.py --text corpus.txt --epochs 5 --threads 2

Writes a table to standard output, and ``word2vec.json`` into the folder `--out`.
"""

import argparse
import json
import os
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(1, os.path.join(os.path.dirname(HERE), "examples"))

from docstrings import sentences  # noqa: E402
from environment import find_peers  # noqa: E402
from held_out import held_out_score, split  # noqa: E402
from machine import describe  # noqa: E402
from turns import Contestant, Worker  # noqa: E402

__all__ = ["compare", "main"]

HELD_OUT = 0.1


def encode(lines, words):
    """Indices of those words that have vectors, and the sentence of each"""
    places = {word: place for place, word in enumerate(words)}
    tokens, numbers = [], []
    for number, line in enumerate(lines):
        known = [places[word] for word in line.split() if word in places]
        tokens += known
        numbers += [number] * len(known)
    return np.array(tokens), np.array(numbers)


def judge(path, training, held_out):
    """The area under the curve of the vectors in a file"""
    saved = np.load(path)
    words = saved["words"].tolist()
    tokens, numbers = encode(held_out, words)
    counts = np.bincount(encode(training, words)[0], minlength=len(words))
    return held_out_score(saved["centre"], saved["context"], tokens, numbers, counts)


def train_in_turns(contestants, num_epochs, scratch):
    """Seconds of each epoch of each contestant, by label"""
    seconds = {one.label: [] for one in contestants}
    workers = []
    try:
        for number, one in enumerate(contestants):
            log = os.path.join(scratch, "words-%d.log" % number)
            workers.append(Worker(one, log))
            workers[-1].ask(make=one.name, arguments=one.arguments)
        for epoch in range(num_epochs):
            for worker in workers[:: -1 if epoch % 2 else 1]:
                answer = worker.ask(time=1, within=3600)
                seconds[worker.contestant.label] += answer["seconds"]
    finally:
        for worker in workers:
            worker.close()
    return seconds


def contestants_for(path, python, peers, threads, num_epochs, seed, scratch):
    """Ours, and gensim where its environment is there"""
    variables = {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
    variables = {name: str(value) for name, value in variables.items()}
    module, found = "contestants_words", []
    for label, interpreter in [("ours", python), ("gensim", peers)]:
        if interpreter is None:
            continue
        arguments = {
            "text_path": path,
            "out": os.path.join(scratch, label + ".npz"),
            "num_epochs": num_epochs,
            "seed": seed,
        }
        if label == "gensim":
            arguments["workers"] = threads
        found.append(
            Contestant(label, interpreter, module, label, arguments, variables)
        )
    return found


def compare(lines, python, peers, scratch, threads=2, num_epochs=3, repeats=3):
    """Trains ours and gensim on the same sentences in turns, and judges both

    Parameters
    ----------
    lines : list of str
        Sentences: words separated by spaces.
    python, peers : str, or None for `peers`
        The interpreters of both environments.
    scratch : str
        A folder for texts, vectors and logs.
    threads : int
        Of each contestant.
    num_epochs : int
        Passes over the text.
    repeats : int
        How often all is done, with another seed and another split.

    Returns
    -------
    dict
        ``words``, ``threads``, ``epochs`` and, in ``contestants``, by label:
        ``words_per_second`` (the median over all epochs), ``epoch_seconds`` and
        ``held_out_auc`` (the mean), ``held_out_aucs``.
    """
    results, num_words = {}, 0
    for seed in range(repeats):
        training, held_out = split(lines, HELD_OUT, seed)
        num_words = sum(len(line.split()) for line in training)
        path = os.path.join(scratch, "words-%d.txt" % seed)
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in training)
        found = contestants_for(path, python, peers, threads, num_epochs, seed, scratch)
        for label, seconds in train_in_turns(found, num_epochs, scratch).items():
            result = results.setdefault(
                label, {"epoch_seconds": [], "held_out_aucs": []}
            )
            result["epoch_seconds"] += seconds
            score = judge(os.path.join(scratch, label + ".npz"), training, held_out)
            result["held_out_aucs"].append(score)
    for result in results.values():
        seconds = float(np.median(result["epoch_seconds"]))
        result["words_per_second"] = num_words / seconds
        result["held_out_auc"] = float(np.mean(result["held_out_aucs"]))
    return {
        "words": num_words,
        "threads": threads,
        "epochs": num_epochs,
        "contestants": results,
    }


def render(result):
    """The result as a text table"""
    lines = [
        "word vectors: %(words)d words, %(epochs)d epochs, %(threads)d threads each"
        % result,
        "%-10s %14s %14s" % ("", "words/s", "held-out AUC"),
    ]
    for label, one in result["contestants"].items():
        figures = label, one["words_per_second"], one["held_out_auc"]
        lines.append("%-10s %14.0f %14.4f" % figures)
    return "\n".join(lines)


def main(argv=None):
    """Runs the benchmark; returns the exit code"""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--text", help="sentences, one a line (the docstrings of this environment)")
    add("--epochs", type=int, default=3)
    add("--repeats", type=int, default=3, help="with other seeds and other splits")
    add("--threads", type=int, default=os.cpu_count())
    add("--out", default=os.path.join(os.path.dirname(HERE), "build", "benchmarks"))
    options = parser.parse_args(argv)
    peers = find_peers()
    if options.text:
        with open(options.text, encoding="utf-8") as file:
            lines = file.read().splitlines()
    else:
        lines = list(sentences())
    os.makedirs(options.out, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        result = compare(
            lines,
            sys.executable,
            peers,
            scratch,
            options.threads,
            options.epochs,
            options.repeats,
        )
    print(render(result))
    result["machine"] = describe(sys.executable, peers)
    with open(os.path.join(options.out, "word2vec.json"), "w") as file:
        json.dump(result, file, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
