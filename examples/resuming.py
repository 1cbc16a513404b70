"""Saves the training of word2vec.py, and goes on from there

A checkpoint holds the tables with what the rule keeps of them, how far the training
was, and the random state that its epoch began with. Going on, the epoch is drawn
again, and what was trained on already is passed over: the vectors are, bit for bit,
those of a training that never stopped.
"""

import copy
import hashlib
import sys

from lasagne_sparse.tables import FileError, checkpoint
from word2vec_options import OptionError

__all__ = ["Checkpoints"]

#: What must be the same for a training to go on.
OPTIONS = [
    "dim",
    "window",
    "negative",
    "min_count",
    "subsample",
    "rule",
    "learning_rate",
    "seed",
]


class Checkpoints:
    """How far a training is, in memory and on the disk

    Parameters
    ----------
    args : argparse.Namespace
        The options.
    corpus : text.Corpus
    network : skipgram.SkipGram
        With its trainer compiled.
    rng : numpy.random.RandomState
        What the batches are drawn from.

    Attributes
    ----------
    epoch, step : int
        The epoch that is read, and the number of its batches that were trained on.
    length : float
        The number of words read.
    """

    def __init__(self, args, corpus, network, rng):
        self.folder, self.updates, self.rng = args.save, network.updates, rng
        self.settings = {name: getattr(args, name) for name in OPTIONS}
        words = "\n".join(corpus.words).encode("utf-8")
        self.settings["text"] = "%d words, %s" % (
            len(corpus.tokens),
            hashlib.sha256(words + corpus.tokens.tobytes()).hexdigest(),
        )
        self.epoch, self.step, self.length = 0, 0, 0.0
        self._begun = None

    def load(self, folder):
        """Goes back to the checkpoint in a folder

        Raises
        ------
        OptionError
            If there is none, or it is of another training.
        """
        try:
            own = checkpoint.load(folder).extra
            for name, value in self.settings.items():
                if own.get("settings", {}).get(name) != value:
                    raise OptionError(
                        "--resume %s: %s is not what it was when that was saved"
                        % (folder, "the text" if name == "text" else "--" + name)
                    )
            checkpoint.load(folder, self.updates, rng=self.rng)
        except FileError as error:
            raise OptionError("--resume %s: %s" % (folder, error)) from error
        self.epoch, self.step, self.length = own["epoch"], own["step"], own["length"]

    def batches(self, sampler):
        """Draws the rest of the epoch"""
        self._begun = copy.deepcopy(self.rng)
        for number, batch in enumerate(sampler.epoch()):
            if number >= self.step:
                yield batch
                self.step = number + 1
                self.length += batch.length
        self.epoch, self.step, self._begun = self.epoch + 1, 0, self.rng

    def save(self):
        """Saves, if --save says where; says so if it cannot"""
        if self.folder is None:
            return
        try:
            checkpoint.save(
                self.folder,
                self.updates,
                incremental=True,
                rng=self._begun or self.rng,
                settings=self.settings,
                epoch=self.epoch,
                step=self.step,
                length=self.length,
            )
        except FileError as error:
            print("word2vec.py: not saved: %s" % error, file=sys.stderr)
