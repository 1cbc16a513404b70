"""Learns word vectors from text: skip-gram with negative sampling

With no file named, the text is the docstrings of the Python packages installed
here; otherwise text files in UTF-8, one sentence a line. The vectors are
written in the text format of word2vec, which gensim reads, with a map of the
commonest words beside them. Ctrl-C ends the training early and keeps what was
learned; with ``--save`` the training can go on later. Equal seeds give equal vectors,
whether the training was interrupted or not. ::

    python examples/word2vec.py
    python examples/word2vec.py --dim 200 --out news.txt news-*.txt
    python examples/word2vec.py --save run news-*.txt
    python examples/word2vec.py --resume run --epochs 10 news-*.txt
"""

import contextlib
import itertools
import os
import signal
import statistics
import sys
import time

import lasagne_sparse
import lasagne
import numpy as np
import theano
from blocks import Sampler, weight_table
from docstrings import sentences
from resuming import Checkpoints
from skipgram import SkipGram
from text import TextError, encode, read_lines
from tqdm import tqdm
from word2vec_options import OptionError, read_options
from word_map import content_words, draw, layout, neighbours

__all__ = ["main"]

NUM_BLOCKS = 16  # in a batch: 512 tokens, with a window of 5
NUM_NOISE = 32  # noise words that a block shares
REPORT_EVERY = 100  # steps between two looks at the loss, which is dear
SHOWN = 8  # words whose neighbours are printed
COMMON = 3000  # words among which neighbours are sought: rare ones know little
MAPPED = 250  # words offered to the map


@contextlib.contextmanager
def interruptible():
    """Notes the first Ctrl-C in the list it gives, so that no step is cut in two"""
    pressed = []

    def note(number, frame):
        if pressed:
            raise KeyboardInterrupt
        pressed.append(number)

    try:
        previous = signal.signal(signal.SIGINT, note)
    except ValueError:  # not in the main thread: Ctrl-C does not come here
        yield pressed
        return
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, previous)


def train(sampler, step, report, epochs, done):
    """Trains until all is read, or Ctrl-C is pressed

    Parameters
    ----------
    sampler : blocks.Sampler
        The text.
    step, report : functions
        SkipGram's trainer and reporter.
    epochs : int
        Passes over the text.
    done : resuming.Checkpoints
        How far the training is.

    Returns
    -------
    finished : bool
        Whether all was read.
    """
    with interruptible() as pressed, tqdm(
        total=sampler.corpus.length * epochs,
        initial=round(done.length),
        unit=" words",
        unit_scale=True,
        smoothing=0.05,
        # A log does not need ten lines a second.
        mininterval=0.1 if sys.stderr.isatty() else 5,
    ) as progress:
        num_steps = 0
        while done.epoch < epochs:
            progress.set_description("epoch %d of %d" % (done.epoch + 1, epochs))
            for batch in done.batches(sampler):
                if pressed:
                    done.save()
                    return False
                if num_steps % REPORT_EVERY == 0:
                    loss = float(report(*batch.inputs))
                    progress.set_postfix(loss="%.3f" % loss, refresh=False)
                step(*batch.inputs)
                num_steps += 1
                progress.update(round(done.length) - progress.n)
            progress.update(round(done.length) - progress.n)
            done.save()
    return True


def write_vectors(path, words, vectors):
    """Writes the text format of word2vec, all of it or nothing"""
    line = " ".join(["%s"] + ["%.6g"] * vectors.shape[1]) + "\n"
    with open(path + ".part", "w", encoding="utf-8", newline="\n") as file:
        file.write("%d %d\n" % vectors.shape)
        for word, vector in zip(words, vectors.tolist()):
            file.write(line % (word, *vector))
    os.replace(path + ".part", path)


def print_neighbours(corpus, vectors):
    """Prints some of the commonest words of content, with those nearest"""
    for word in content_words(corpus, 9 * SHOWN)[::9]:
        near = neighbours(vectors, word, 7, among=COMMON)
        names = ", ".join(corpus.words[i] for i in near)
        print("  %-14s %s" % (corpus.words[word], names))


def draw_map(corpus, vectors, path):
    """Draws the commonest words of content"""
    chosen = content_words(corpus, MAPPED)
    sizes = np.log(corpus.counts[chosen])
    sizes = (sizes - sizes.min()) / max(np.ptp(sizes), 1e-12)
    draw([corpus.words[i] for i in chosen], sizes, layout(vectors[chosen]), path)


def compare(corpus, args, weights, sampler, sparse_step):
    """Measures sparse and dense steps of the same network in turns

    Returns
    -------
    name : str
        Of the dense rule.
    sparse, dense : float
        Seconds; the medians.
    """
    name = args.rule if hasattr(lasagne.updates, args.rule) else "adagrad"
    network = SkipGram(
        len(corpus.words),
        args.dim,
        weights,
        np.random.RandomState(args.seed),
        embedding=lasagne.layers.EmbeddingLayer,
    )
    rule = getattr(lasagne.updates, name)
    dense_step = network.trainer(rule, np.float32(args.learning_rate))
    batches = list(itertools.islice(sampler.epoch(), 60))
    seconds = {sparse_step: [], dense_step: []}
    # Ten of each at a time: a dense step drives all else out of the caches.
    for start in range(0, len(batches), 10):
        for step, taken in seconds.items():
            for batch in batches[start : start + 10]:
                began = time.perf_counter()
                step(*batch.inputs)
                taken.append(time.perf_counter() - began)
    sparse, dense = (statistics.median(taken) for taken in seconds.values())
    return name, sparse, dense


def read(args):
    """Reads the text that the options name"""
    start = time.perf_counter()
    if not args.files:
        print("Reading the docstrings of the packages installed here ...", flush=True)
    lines = read_lines(args.files) if args.files else sentences()
    corpus = encode(lines, args.min_count)
    seconds = time.perf_counter() - start
    print(
        "%d words, of which %d kinds occur %d times or more (%.0f s)"
        % (corpus.length, len(corpus.words), args.min_count, seconds)
    )
    return corpus


def learn(args, sampler, network):
    """Compiles the network's functions, and trains

    Returns
    -------
    step : function
        What was trained by.
    finished : bool
        False if Ctrl-C ended the training.
    """
    print("Compiling ...", end=" ", flush=True)
    start = time.perf_counter()
    rule = getattr(lasagne_sparse.updates, args.rule)
    step = network.trainer(rule, np.float32(args.learning_rate))
    report = network.reporter()
    print("%.0f s" % (time.perf_counter() - start), flush=True)
    done = Checkpoints(args, sampler.corpus, network, sampler.rng)
    if args.resume:
        done.load(args.resume)
        print("Going on after %.0f words" % done.length)
    start, before = time.perf_counter(), done.length
    finished = train(sampler, step, report, args.epochs, done)
    seconds, length = time.perf_counter() - start, done.length - before
    print(
        "%s %.0f words in %.1f s: %.0f words/s"
        % (
            "Read" if finished else "Interrupted after",
            length,
            seconds,
            length / seconds,
        )
    )
    return step, finished


def show(args, corpus, vectors):
    """Writes the vectors, prints neighbours, draws the map"""
    write_vectors(args.out, corpus.words, vectors)
    print("Wrote %s" % args.out)
    print("Nearest words:")
    print_neighbours(corpus, vectors)
    draw_map(corpus, vectors, args.map)
    print("Drew %s" % args.map)


def run(args):
    """Reads, learns, and shows what was learned"""
    corpus = read(args)
    rng = np.random.RandomState(args.seed)
    weights = weight_table(args.window, args.negative, NUM_NOISE)
    network = SkipGram(len(corpus.words), args.dim, weights, rng)
    sampler = Sampler(corpus, args.window, args.subsample, NUM_NOISE, NUM_BLOCKS, rng)
    step, finished = learn(args, sampler, network)
    vectors = network.centre.W.get_value()
    if not np.isfinite(vectors).all():
        print("The vectors grew without bounds: lower --learning-rate", file=sys.stderr)
        return 1
    show(args, corpus, vectors)
    if args.compare and finished:
        name, sparse, dense = compare(corpus, args, weights, sampler, step)
        print(
            "One step of lasagne_sparse.updates.%s took %.2f ms, one of "
            "lasagne.updates.%s %.2f ms: %.1f times as long"
            % (args.rule, 1e3 * sparse, name, 1e3 * dense, dense / sparse)
        )
    return 0


def main(argv=None):
    """Runs the example

    Parameters
    ----------
    argv : list of str, optional
        The command line, without the program's name.

    Returns
    -------
    int
        The exit code: 0 if vectors were written; 1 if they grew without bounds;
        2 if the text or an option is no good, which is said in one line; 130 if
        Ctrl-C was pressed before anything was learned.
    """
    try:
        args = read_options(argv)
        with theano.configparser.change_flags(floatX="float32", openmp=True):
            return run(args)
    except (OptionError, TextError) as error:
        print("word2vec.py: %s" % error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nword2vec.py: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
