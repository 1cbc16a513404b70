"""Times lasagne_sparse against its peers, in turns: ``python benchmarks/run.py``.

Builds the peers' environment on the first call (see ``environment.py``), runs the
chosen parts, and writes ``results.json``, ``results.txt`` and plots into the folder
named by ``--out``, ``build/benchmarks`` by default. Results are written after each
workload: Ctrl-C keeps those that are finished. ``--quick`` takes some minutes, the
default an hour, ``--full`` most of a day::

    python benchmarks/run.py --quick
    python benchmarks/run.py --only table step --rules adam --rows 1000000 --threads 1 2
    python benchmarks/run.py --only growth words

Three scripts run alone: ``gpu.py``, a step on a device, ``compile_share.py``, what
share of a compile our rewrites take, and ``first_compile.py``, how long programs take
from an empty cache to their first step.

Parts: ``table`` and ``step`` (all rules, sizes, distributions, threads, against all
peers), ``roofline`` (the update against a loop in C), ``ops`` (which of our ops take
the time), ``rows`` (200 rows of a 70,000 x 100 table), ``network`` (dense layers beside
a table, with our threads and without), ``factorization`` (of ratings, against
PyTorch), ``bags`` (26 tables with bags of 20 lookups, against PyTorch and FBGEMM),
``growth`` (10**4 to 10**7 rows), ``vocabulary`` (output layers of 10**4 to 10**6
classes, sampled, full and adaptive, against PyTorch), ``words`` (word vectors, against
gensim).
"""

import argparse
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from cases import RULES  # noqa: E402
from environment import find_peers  # noqa: E402
from machine import describe  # noqa: E402
from measure import PARTS, Setup  # noqa: E402
from plots import plot_all  # noqa: E402
from report import render, render_all  # noqa: E402
from tqdm import tqdm  # noqa: E402

__all__ = ["main"]


def parse(arguments):
    """The command line"""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--only", nargs="+", choices=list(PARTS), default=list(PARTS), metavar="PART")
    add("--rules", nargs="+", choices=RULES + ["adamax", "amsgrad"], metavar="RULE")
    add("--rows", nargs="+", type=int, help="table sizes")
    add("--units", nargs="+", type=int, help="numbers in a row")
    add("--distributions", nargs="+", choices=["zipf", "uniform", "spread"])
    add("--threads", nargs="+", type=int)
    add("--contestants", nargs="+", help="only those whose label contains one of these")
    add("--quick", action="store_true", help="one table, adam and sgd, short turns")
    add("--full", action="store_true", help="the product of all axes")
    add("--rounds", type=int, help="turns of each contestant (7; quick: 3)")
    add("--seconds", type=float, help="length of a turn (0.3; quick: 0.15)")
    add("--no-peers", action="store_true", help="without PyTorch, FBGEMM and gensim")
    add("--out", default=os.path.join(os.path.dirname(HERE), "build", "benchmarks"))
    options = parser.parse_args(arguments)
    options.rounds = options.rounds or (3 if options.quick else 7)
    options.seconds = options.seconds or (0.15 if options.quick else 0.3)
    options.axes = {
        "rule": options.rules,
        "num_rows": options.rows,
        "num_units": options.units,
        "distribution": options.distributions,
        "threads": options.threads,
    }
    return options


def save(document, folder):
    """Writes the JSON file and the text table"""
    with open(os.path.join(folder, "results.json"), "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
        file.write("\n")
    with open(os.path.join(folder, "results.txt"), "w", encoding="utf-8") as file:
        file.write(render_all(document))


def run_parts(options, setup, document):
    """Runs the chosen parts; each result is printed and saved when it is there"""
    with tqdm(unit="workload", file=sys.stderr) as bar:
        for part in options.only:
            bar.set_description(part)
            for result in PARTS[part](setup):
                document["results"].append(result)
                bar.write(render(result) + "\n", file=sys.stdout)
                save(document, options.out)
                bar.update()


def warn_if_busy(machine):
    """Says so where others use the cores: spinning threads fare worst then"""
    if machine["load_at_start"] > 0.5:
        print(
            "the load is %(load_at_start)s on %(cores)s cores: figures will be too "
            "high, most of all those of libraries whose threads spin while they wait; "
            "stop what else runs, then measure" % machine,
            file=sys.stderr,
        )


def main(arguments=None):
    """Runs the benchmark"""
    options = parse(arguments)
    scratch = os.path.join(options.out, "scratch")
    os.makedirs(scratch, exist_ok=True)
    peers = None if options.no_peers else find_peers()
    document = {"machine": describe(sys.executable, peers), "results": []}
    warn_if_busy(document["machine"])
    setup = Setup(sys.executable, peers, scratch, options)
    try:
        run_parts(options, setup, document)
    except KeyboardInterrupt:
        print("stopped: what is finished is kept", file=sys.stderr)
    save(document, options.out)
    plot_all(document, options.out)
    print("results, table and plots are in " + options.out)
    failed = [
        "%s: %s" % (result["title"], label)
        for result in document["results"]
        for label, summary in result["contestants"].items()
        if summary.get("failed")
    ]
    if failed:
        sys.exit("failed:\n" + "\n".join(failed))


if __name__ == "__main__":
    main()
