"""The options of word2vec.py, and what is wrong with them"""

import argparse
import math
import os

__all__ = ["OptionError", "RULES", "read_options"]

# Learning rates that suit, on a million words.
RULES = {
    "adagrad": 0.15,
    "rowwise_adagrad": 0.15,
    "adam": 0.01,
    "adamax": 0.02,
    "amsgrad": 0.01,
    "rmsprop": 0.02,
    "adadelta": 5.0,
    "sgd": 0.02,
    "momentum": 0.003,
    "nesterov_momentum": 0.003,
}


class OptionError(ValueError):
    """An option that makes no sense; the message is one line"""


class Parser(argparse.ArgumentParser):
    """Leaves it to the caller to say what is wrong"""

    def error(self, message):
        raise OptionError(message)


def number_in(kind, low, high=math.inf):
    """Makes a reader of numbers from `low` to `high`, both included"""

    def read(text):
        try:
            number = kind(text)
        except ValueError:
            number = math.nan
        if not low <= number <= high or math.isinf(number):
            limits = (
                "%s or more" % low if high == math.inf else "%s to %s" % (low, high)
            )
            what = "a whole number" if kind is int else "a number"
            raise argparse.ArgumentTypeError(
                "expected %s, %s, got %r" % (what, limits, text)
            )
        return number

    return read


def read_options(argv):
    """Reads the command line

    Raises
    ------
    OptionError
        If an option is unknown, or its value makes no sense.
    """
    parser = Parser(prog="word2vec.py", description="Learns word vectors from text.")
    add = parser.add_argument
    add("files", nargs="*", metavar="FILE", help="text in UTF-8, a sentence a line")
    whole, real = (lambda *r: number_in(int, *r)), (lambda *r: number_in(float, *r))
    add("--dim", type=whole(1), default=100, help="numbers per vector (%(default)s)")
    add("--epochs", type=whole(1), default=5, help="passes over the text (%(default)s)")
    add(
        "--window",
        type=whole(1, 30),
        default=5,
        help="words to either side at most (%(default)s)",
    )
    add(
        "--negative",
        type=real(0),
        default=5,
        help="weight of the noise: words per pair (%(default)s)",
    )
    add(
        "--min-count",
        type=whole(1),
        default=5,
        help="leave rarer words out (%(default)s)",
    )
    add(
        "--subsample",
        type=real(0),
        default=1e-3,
        help="thin out words of a higher frequency; 0: none (%(default)s)",
    )
    add("--rule", choices=list(RULES), default="adagrad", help="(%(default)s)")
    add(
        "--learning-rate",
        type=real(1e-9),
        help="(one that suits the rule)",
    )
    add(
        "--out",
        default="word_vectors.txt",
        help="where to write the vectors; the map has the same name, and the "
        "ending .png (%(default)s)",
    )
    add(
        "--save",
        metavar="FOLDER",
        help="save the training there after each epoch, and upon Ctrl-C",
    )
    add(
        "--resume",
        metavar="FOLDER",
        help="go on with the training that was saved there; also saves there, "
        "unless --save says where",
    )
    add("--seed", type=whole(0, 2**32 - 1), default=1, help="(%(default)s)")
    add(
        "--compare",
        action="store_true",
        help="measure a dense step beside a sparse one, as is done without files",
    )
    args = parser.parse_args(argv)
    if args.learning_rate is None:
        args.learning_rate = RULES[args.rule]
    args.save = args.save or args.resume
    args.map = os.path.splitext(args.out)[0] + ".png"
    args.compare = args.compare or not args.files
    check_writable(args.out, args.map)
    return args


def check_writable(out, picture):
    """Finds out now what would be a pity to find out after the training"""
    folder = os.path.dirname(os.path.abspath(out))
    if os.path.isdir(out) or out == picture:
        raise OptionError("--out %s: name a file, such as vectors.txt" % out)
    if not os.path.isdir(folder):
        raise OptionError("--out %s: there is no folder %s" % (out, folder))
    if not os.access(folder, os.W_OK):
        raise OptionError("--out %s: cannot write into %s" % (out, folder))
