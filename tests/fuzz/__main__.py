"""Judges random programs: make fuzz ARGS="--examples 5000 --seed 7" """

import argparse
import json
import os
import sys
from collections import Counter

if __name__ == "__main__" and "--device" not in sys.argv:
    # The oracles are on the host, and Theano reads its flags when it is imported.
    _FLAGS = os.environ.get("THEANO_FLAGS", "") + ",device=cpu"
    os.environ["THEANO_FLAGS"] = _FLAGS.lstrip(",")

import lasagne_sparse  # noqa: F401  # before any import of theano
import tqdm

from .describing import described
from .drawing import draw
from .judging import SKIPPED, Failure, judge
from .minimising import minimised

__all__ = ["main"]


def main(arguments=None):
    """Judges programs, and prints those that fail, minimised

    Returns
    -------
    int
        1 if a program failed, and 0 if none did.
    """
    given = _parsed(arguments)
    kept = json.loads(given.program) if given.program else None
    seeds = range(given.seed, given.seed + (1 if kept else given.examples))
    counts = Counter()
    progress = tqdm.tqdm(seeds, unit=" programs", disable=given.quiet, mininterval=1)
    try:
        for seed in progress:
            program = kept or draw(seed, given.float)
            found = judge(program, given.mode)
            counts["failed" if isinstance(found, Failure) else found or "passed"] += 1
            if isinstance(found, Failure):
                _report(program, found, given, progress.write)
    except KeyboardInterrupt:
        print("Interrupted at seed %d" % seed)
    print(
        "%d programs passed, %d failed; %d were skipped, which do not run without "
        "the library either" % (counts["passed"], counts["failed"], counts[SKIPPED])
    )
    return 1 if counts["failed"] else 0


def _report(program, failure, given, write):
    if not given.whole:
        program, failure = minimised(program, failure, lambda p: judge(p, given.mode))
    write("\nFAILED (%s, %s)\n%s" % (failure.stage, failure.kind, described(program)))
    write("-> " + failure.text)
    write("again: make fuzz ARGS='--program '\\''%s'\\'" % json.dumps(program))


def _parsed(arguments):
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--examples", type=int, default=1000, metavar="N")
    parser.add_argument("--seed", type=int, default=0, help="of the first program")
    parser.add_argument("--program", help="the one program to judge, as printed")
    parser.add_argument("--whole", action="store_true", help="minimise nothing")
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    parser.add_argument("--float", choices=["float32", "float64"], help="floatX of all")
    modes = parser.add_mutually_exclusive_group()
    for name, text in [
        ("c", "compile C"),
        ("debug", "in Theano's DebugMode, which checks each rewrite"),
        ("default", "in the mode, and on the device, that THEANO_FLAGS ask for"),
    ]:
        flag = {"debug": "--debugmode", "default": "--device"}.get(name, "--" + name)
        modes.add_argument(
            flag, dest="mode", action="store_const", const=name, help=text
        )
    parser.set_defaults(mode="py")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
