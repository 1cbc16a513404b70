"""Word vectors from text: ours, by the example's formulation, and gensim's.

A step is an epoch. After the last one the vectors are written, for the parent to judge.
The file runs in both environments.
"""

import os
import sys
import time

import numpy as np

__all__ = ["CONTESTANTS"]

EXAMPLES = os.path.join(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "examples"
)
DIM, WINDOW, NEGATIVE, MIN_COUNT, SUBSAMPLE = 100, 5, 5, 5, 1e-3


def save(path, words, centre, context):
    """Writes both vectors of each word"""
    np.savez(path, words=np.array(words), centre=centre, context=context)


def timed(epoch, finish, num_epochs):
    """A step for `worker.py`, with a clock that leaves `finish` out"""
    seconds = []

    def step(number):
        start = time.perf_counter()
        epoch(number)
        seconds.append(time.perf_counter() - start)
        if number + 1 == num_epochs:
            finish()

    return step, lambda: seconds[-1]


def ours(text_path, out, num_epochs, seed):
    """The network of the example, with its settings"""
    sys.path.insert(0, EXAMPLES)
    import lasagne_sparse  # isort: skip
    import theano
    import word2vec
    from blocks import Sampler, weight_table
    from skipgram import SkipGram
    from text import encode, read_lines
    from word2vec_options import RULES

    corpus = encode(read_lines([text_path]), MIN_COUNT)
    rng = np.random.RandomState(seed)
    num_noise = word2vec.NUM_NOISE
    sampler = Sampler(corpus, WINDOW, SUBSAMPLE, num_noise, word2vec.NUM_BLOCKS, rng)
    with theano.configparser.change_flags(floatX="float32", openmp=True):
        weights = weight_table(WINDOW, NEGATIVE, num_noise)
        network = SkipGram(len(corpus.words), DIM, weights, rng)
        rule = lasagne_sparse.updates.adagrad
        train = network.trainer(rule, np.float32(RULES["adagrad"]))
        report = network.reporter()

    def epoch(number):
        for num_steps, batch in enumerate(sampler.epoch()):
            if num_steps % word2vec.REPORT_EVERY == 0:
                report(*batch.inputs)
            train(*batch.inputs)

    def finish():
        save(out, corpus.words, *(param.get_value() for param in network.params))

    return timed(epoch, finish, num_epochs)


def gensim(text_path, out, num_epochs, seed, workers):
    """gensim's Word2Vec: the same settings, its own learning rate and decay"""
    from gensim.models import Word2Vec

    with open(text_path, encoding="utf-8") as file:
        sentences = [line.split() for line in file]
    model = Word2Vec(
        vector_size=DIM,
        window=WINDOW,
        negative=NEGATIVE,
        min_count=MIN_COUNT,
        sample=SUBSAMPLE,
        sg=1,
        workers=workers,
        seed=seed,
    )
    model.build_vocab(sentences)
    rates = np.linspace(model.alpha, model.min_alpha, num_epochs + 1)

    def epoch(number):
        # One at a time, but the rate falls as it does over all of them.
        model.train(
            sentences,
            total_examples=model.corpus_count,
            epochs=1,
            start_alpha=rates[number],
            end_alpha=rates[number + 1],
        )

    def finish():
        save(out, model.wv.index_to_key, model.wv.vectors, model.syn1neg)

    return timed(epoch, finish, num_epochs)


CONTESTANTS = {"ours": ours, "gensim": gensim}
