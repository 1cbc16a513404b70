"""Writes the README's performance table from the results of the benchmark.

::

    python benchmarks/readme_table.py benchmarks/results/results.json

puts the tables between the lines ``.. performance table begins`` and
``.. performance table ends`` of ``README.rst`` (and ``--print`` only prints them).
Ratios are those of `report.ratio`: taken round by round, within one run.
"""

import argparse
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from report import ratio  # noqa: E402

__all__ = ["main", "render"]

README = os.path.join(os.path.dirname(HERE), "README.rst")
BEGINS, ENDS = ".. performance table begins", ".. performance table ends"
RULES = ("sgd", "adagrad", "adam")
BASE = {"num_rows": 10**6, "num_units": 128, "distribution": "zipf", "threads": 2}


def list_table(rows):
    """A reStructuredText table; the first row is its head"""
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in rows:
        for number, cell in enumerate(row):
            lines.append("   %s - %s" % ("*" if number == 0 else " ", cell))
    return lines


def at_base(document, part, rule):
    """The contestants of a rule at the base point, or an empty dict"""
    for result in document["results"]:
        wanted = dict(BASE, part=part, rule=rule)
        if all(result.get(key) == value for key, value in wanted.items()):
            return result["contestants"]
    return {}


def number(value):
    """Three digits, or as many as stand before the point"""
    return "{:,.0f}".format(value) if value >= 100 else "%.3g" % value


def cell(summaries, label):
    """Milliseconds, and how many times as long as ours"""
    summary = summaries.get(label, {})
    if "median_ms" not in summary:
        return ""
    text = number(summary["median_ms"])
    if label != "ours" and "median_ms" in summaries.get("ours", {}):
        text += " (%s×)" % number(ratio(summary, summaries["ours"]))
    return text


def rule_rows(document, rule):
    """A line for each contestant of a rule"""
    parts = [at_base(document, part, rule) for part in ("table", "step")]
    labels = list(dict.fromkeys(label for one in parts for label in one))
    names = {"ours": "``lasagne_sparse.updates.%s``" % rule}
    names["lasagne.updates, dense"] = "``lasagne.updates.%s``, dense" % rule
    for label in labels:
        cells = [cell(one, label) for one in parts]
        if any(cells):
            yield [rule, names.get(label, label)] + cells


def steps(document, rules):
    """The table of training steps under some rules"""
    rows = [["rule", "by", "table, ms", "step, ms"]]
    for rule in rules:
        rows.extend(rule_rows(document, rule))
    if len(rows) == 1:
        return []
    return [
        "A million rows of 128 float32 numbers, 4,096 Zipf-drawn indices a step,",
        "two threads. *Table*: look the rows up, take a given gradient, update.",
        "*Step*: the same within a training step. Medians in milliseconds, and how",
        "many times as long as ours (in turns, in one run).",
        "",
    ] + list_table(rows)


def others(document):
    """The parts that have one result each: jobs and times, in microseconds"""
    rows = [["job", "by", "µs", "ratio"]]
    for result in document["results"]:
        if result["part"] not in ("rows", "network", "roofline", "growth"):
            continue
        summaries = result["contestants"]
        reference = summaries.get("ours") or next(iter(summaries.values()))
        for label, summary in summaries.items():
            if "median_ms" in summary and "median_ms" in reference:
                times = number(summary["median_ms"] * 1e3)
                against = number(ratio(summary, reference)) + "×"
                rows.append([result["title"], label, times, against])
    return [] if len(rows) == 1 else ["", "Single jobs:", ""] + list_table(rows)


def word_vectors(document):
    """The table of word vectors"""
    rows = [["word vectors by", "words/s", "held-out AUC"]]
    for result in document["results"]:
        if result["part"] == "words":
            for label, one in result["contestants"].items():
                speed = "{:,.0f}".format(one["words_per_second"])
                rows.append([label, speed, "%.3f" % one["held_out_auc"]])
    return [] if len(rows) == 1 else [""] + list_table(rows)


def render(document, rules=RULES):
    """The tables and the machine they were measured on, as reStructuredText"""
    machine = document["machine"]
    versions = dict(machine["peer_versions"], **machine["versions"])
    listed = ", ".join("%s %s" % item for item in sorted(versions.items()))
    foot = "Measured on %s, %s cores, %s GiB; %s." % (
        machine["processor"],
        machine["cores"],
        machine["memory_gib"],
        listed,
    )
    tables = steps(document, rules) + others(document) + word_vectors(document)
    return "\n".join(tables + ["", foot])


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


def main():
    """Updates README.rst"""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", help="the JSON file that run.py wrote")
    parser.add_argument("--rules", nargs="+", default=RULES, help="%(default)s")
    parser.add_argument("--print", action="store_true", help="leave README.rst alone")
    options = parser.parse_args()
    with open(options.results, encoding="utf-8") as file:
        table = render(json.load(file), options.rules)
    if options.print:
        print(table)
        return
    with open(README, encoding="utf-8") as file:
        text = file.read()
    with open(README, "w", encoding="utf-8") as file:
        file.write(replace(text, table))


if __name__ == "__main__":
    main()
