"""Writes the README's section of figures from the results of the benchmark.

::

    python benchmarks/readme_table.py benchmarks/results/results.json

puts a table and some sentences between the lines ``.. performance table begins``
and ``.. performance table ends`` of ``README.rst`` (and ``--print`` only prints
them). Parts that the file lacks are taken from the other JSON files beside it.
Ratios are those of `report.ratio`: taken round by round, within one run.
"""

import argparse
import glob
import json
import os
import sys
import textwrap

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from report import ratio  # noqa: E402

__all__ = ["main", "read", "render"]

README = os.path.join(os.path.dirname(HERE), "README.rst")
BEGINS, ENDS = ".. performance table begins", ".. performance table ends"
BASE = {"num_rows": 10**6, "num_units": 128, "distribution": "zipf", "threads": 2}
COLUMNS = [(rule, part) for rule in ("sgd", "adam") for part in ("table", "step")]

# A row for each of them: its name there, and its labels in the results.
PEERS = [
    ("``lasagne_sparse``", ["ours"]),
    (
        "PyTorch's sparse ``SGD`` and ``SparseAdam``",
        ["PyTorch sparse SGD", "PyTorch SparseAdam"],
    ),
    (
        "the same, huge pages",
        ["PyTorch sparse SGD, huge pages", "PyTorch SparseAdam, huge pages"],
    ),
    (
        "FBGEMM's SGD, and row-wise Adagrad (it has no Adam)",
        ["FBGEMM SGD", "FBGEMM row-wise Adagrad"],
    ),
    (
        "the same, huge pages",
        ["FBGEMM SGD, huge pages", "FBGEMM row-wise Adagrad, huge pages"],
    ),
    ("Theano's ``inc_subtensor`` by hand", ["Theano by hand"]),
    ("``lasagne.updates``, dense", ["lasagne.updates, dense"]),
]


def list_table(rows):
    """A reStructuredText table; the first row is its head"""
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in rows:
        for number, cell in enumerate(row):
            lines.append("   %s - %s" % ("*" if number == 0 else " ", cell))
    return lines


def paragraph(text):
    """A text in lines that are not too long, after an empty one"""
    wrap = textwrap.TextWrapper(78, break_long_words=False, break_on_hyphens=False)
    return [""] + wrap.wrap(text)


def number(value):
    """Three digits, or as many as stand before the point"""
    return "{:,.0f}".format(value) if value >= 100 else "%.3g" % value


def parts(document, part):
    """The results of a part of the benchmark"""
    return [result for result in document["results"] if result["part"] == part]


def at_base(document, part, rule):
    """The contestants of a rule at the base point, or an empty dict"""
    for result in parts(document, part):
        if all(result.get(k) == v for k, v in dict(BASE, rule=rule).items()):
            return result["contestants"]
    return {}


def measured(summaries, labels):
    """The first of some contestants that was measured, as {label: summary}"""
    found = [label for label in labels if "median_ms" in summaries.get(label, {})]
    return {label: summaries[label] for label in found[:1]}


def against(summary, ours):
    """How many times as long as ours: ``1.82×``"""
    return number(ratio(summary, ours)) + "×"


def cell(summaries, labels):
    """Milliseconds, and how many times as long as ours"""
    ours = summaries.get("ours", {})
    for label, summary in measured(summaries, labels).items():
        text = number(summary["median_ms"])
        if label == "ours" or "median_ms" not in ours:
            return text
        return "%s (%s)" % (text, against(summary, ours))
    return ""


def steps(document):
    """The table of the peers, under sgd and under adam"""
    columns = [at_base(document, part, rule) for rule, part in COLUMNS]
    rows = [["milliseconds"] + ["%s, %s" % column for column in COLUMNS]]
    for name, labels in PEERS:
        cells = [cell(summaries, labels) for summaries in columns]
        if any(cells):
            rows.append([name] + cells)
    if len(rows) == 1:
        return []
    intro = (
        "A million rows of 128 float32 numbers, 4,096 Zipf-drawn indices a step, two "
        "threads. *Table*: look the rows up, take a given gradient, update. *Step*: "
        "the same within a training step. Medians in milliseconds, and how many times "
        "as long as ours (in turns, in one run)."
    )
    return paragraph(intro)[1:] + [""] + list_table(rows)


def job(document, part, names, unit):
    """A sentence on a part with one result: how long its contestants take"""
    for result in parts(document, part):
        summaries, told = result["contestants"], []
        for label, name in names:
            for summary in measured(summaries, [label]).values():
                factor = {"ms": 1, "µs": 1000}[unit]
                text = "%s %s %s" % (name, number(summary["median_ms"] * factor), unit)
                if label != "ours":
                    text += " (%s)" % against(summary, summaries["ours"])
                told.append(text)
        title = result["title"][0].upper() + result["title"][1:]
        return paragraph("%s: %s." % (title, ", ".join(told)))
    return []


def growth(document):
    """A sentence on what the same rows cost in tables of different sizes"""
    told = []
    for result in parts(document, "growth"):
        if result["distribution"] != "spread":
            continue
        ours = [c for c in result["contestants"].values() if c.get("who") == "ours"]
        ours = [c for c in ours if "median_ms" in c]
        sizes = ", ".join("{:,}".format(c["num_rows"]) for c in ours)
        times = ", ".join(against(c, ours[0]) for c in ours)
        told.append("%s under %s" % (times, result["rule"]))
        head = (
            "The cost follows the rows that are looked up, not the table: %s distinct "
            "rows take, in tables of %s rows in turn, "
            % (number(result["distinct_rows"]), sizes)
        )
    return paragraph(head + ", and ".join(told) + ".") if told else []


def words(document):
    """A sentence on word vectors"""
    for result in parts(document, "words"):
        told = [
            "%s %s words/s at a held-out AUC of %.3f"
            % (label, number(round(c["words_per_second"], -3)), c["held_out_auc"])
            for label, c in result["contestants"].items()
            if "words_per_second" in c
        ]
        head = "Word vectors from %s words of text, %s threads: " % (
            number(result["words"]),
            result["threads"],
        )
        return paragraph(head + ", ".join(told) + ".")
    return []


def ahead(document):
    """A sentence on who is faster than ours, and where"""
    told = []
    for rule, part in COLUMNS:
        summaries = at_base(document, part, rule)
        for label, summary in summaries.items():
            if "median_ms" in summary and ratio(summary, summaries["ours"]) < 1:
                where = (label, rule, part, against(summary, summaries["ours"]))
                told.append("%s (%s, %s: %s)" % where)
    return paragraph("Faster than ours: %s." % (", ".join(told) or "none of these"))


def machine(document):
    """A sentence on what was measured, and where"""
    one = document["machine"]
    versions = dict(one["peer_versions"], **one["versions"])
    listed = ", ".join("%s %s" % item for item in sorted(versions.items()))
    return paragraph(
        "Measured on %s, %s cores, %s GiB; %s. All figures are in "
        "``benchmarks/results/results.txt`` and beside it."
        % (one["processor"], one["cores"], one["memory_gib"], listed)
    )


def render(document):
    """The figures and the machine they were measured on, as reStructuredText"""
    lines = steps(document)
    lines += ahead(document)
    lines += job(
        document,
        "rows",
        [
            ("ours", "``add_rows``"),
            ("Theano's inc_subtensor", "Theano's ``inc_subtensor``"),
            ("get_value, set_value", "``get_value`` and ``set_value``"),
        ],
        "µs",
    )
    lines += job(
        document,
        "network",
        [
            ("ours", "ours"),
            ("ours, without its threads", "ours on one thread"),
            ("lasagne.updates, dense", "``lasagne.updates``"),
        ],
        "ms",
    )
    lines += job(
        document,
        "factorization",
        [
            ("ours", "ours"),
            ("PyTorch SparseAdam", "PyTorch's ``SparseAdam``"),
            ("PyTorch SparseAdam, huge pages", "the same with huge pages"),
            ("lasagne.updates, dense", "``lasagne.updates``"),
        ],
        "ms",
    )
    lines += growth(document) + words(document) + machine(document)
    return "\n".join(lines)


def replace(text, table):
    """`text` with `table` between the two marks

    Raises
    ------
    ValueError
        If the marks are not there, in this order.
    """
    before, begins, rest = text.partition(BEGINS + "\n")
    _, ends, after = rest.partition(ENDS)
    if not begins or not ends:
        raise ValueError(
            "expected the lines %r and %r in README.rst: add them where the table "
            "is to stand" % (BEGINS, ENDS)
        )
    return before + begins + "\n" + table + "\n\n" + ends + after


def read(path):
    """The results of a JSON file, and of those beside it the parts that it lacks"""
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    for other in sorted(glob.glob(os.path.join(os.path.dirname(path), "*.json"))):
        with open(other, encoding="utf-8") as file:
            more = json.load(file)["results"]
        there = {result["part"] for result in document["results"]}
        document["results"] += [one for one in more if one["part"] not in there]
    return document


def main():
    """Updates README.rst"""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", help="the JSON file that run.py wrote")
    parser.add_argument("--print", action="store_true", help="leave README.rst alone")
    options = parser.parse_args()
    table = render(read(options.results))
    if options.print:
        print(table)
        return
    with open(README, encoding="utf-8") as file:
        text = file.read()
    with open(README, "w", encoding="utf-8") as file:
        file.write(replace(text, table))


if __name__ == "__main__":
    main()
