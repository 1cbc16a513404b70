"""Draws the results: cost against table size, and the rules side by side."""

import os

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt

__all__ = ["plot_all"]


def of_part(document, *parts):
    """The results of some parts"""
    return [one for one in document["results"] if one["part"] in parts]


def finish(figure, folder, name):
    """Saves a figure"""
    figure.tight_layout()
    figure.savefig(os.path.join(folder, name + ".png"), dpi=120)
    plt.close(figure)


def by_size(results):
    """Label to (rows, milliseconds), over results that differ in table size only"""
    lines = {}
    for result in sorted(results, key=lambda one: one["num_rows"]):
        for label, summary in result["contestants"].items():
            if "absent" not in summary:
                point = (result["num_rows"], summary["median_ms"])
                lines.setdefault(label, []).append(point)
    return lines


def plot_size(document, folder):
    """Milliseconds a step against rows of the table, each rule a file"""
    groups = {}
    for one in of_part(document, "table", "step"):
        key = (one["part"], one["rule"], one["num_units"], one["distribution"])
        groups.setdefault(key + (one["threads"],), []).append(one)
    for (part, rule, units, distribution, threads), results in groups.items():
        if len({one["num_rows"] for one in results}) < 2:
            continue
        figure, axes = plt.subplots(figsize=(7, 4.5))
        for label, points in by_size(results).items():
            axes.loglog(*zip(*points), marker="o", label=label)
        axes.set_xlabel("rows of the table, %d columns" % units)
        axes.set_ylabel("milliseconds a step")
        axes.set_title(
            "%s, %s, %s indices, %d threads" % (part, rule, distribution, threads)
        )
        axes.grid(True, which="both", alpha=0.3)
        axes.legend()
        name = "size-%s-%s-%d-%s-%d" % (part, rule, units, distribution, threads)
        finish(figure, folder, name)


def plot_growth(document, folder):
    """Our cost, and that of a C loop, against the size of the table"""
    results = of_part(document, "growth")
    if not results:
        return
    figure, axes = plt.subplots(figsize=(7, 4.5))
    for number, result in enumerate(results):
        for who, line in (("ours", "-"), ("C loop", ":")):
            points = sorted(
                (one["num_rows"], one["median_ms"])
                for one in result["contestants"].values()
                if one.get("who") == who and "median_ms" in one
            )
            sizes = [size for size, _ in points]
            relative = [cost / points[0][1] for _, cost in points]
            label = result["title"].replace("growth", who)
            style = {"marker": "o", "linestyle": line, "color": "C%d" % number}
            axes.semilogx(sizes, relative, label=label, **style)
    axes.axhline(1.3, color="grey", linewidth=0.8, label="goal: at most 1.3")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("rows of the table")
    axes.set_ylabel("time, relative to the smallest table")
    axes.grid(True, alpha=0.3)
    axes.legend(fontsize=8)
    finish(figure, folder, "growth")


def plot_rules(document, folder):
    """Bars: every contestant under every rule, at the base point"""
    for part in ("table", "step"):
        base = [
            one
            for one in of_part(document, part)
            if (one["num_rows"], one["num_units"]) == (10**6, 128)
            and (one["distribution"], one["threads"]) == ("zipf", 2)
        ]
        bars = [
            ("%s: %s" % (one["rule"], label), summary["median_ms"], label == "ours")
            for one in base
            for label, summary in one["contestants"].items()
            if "absent" not in summary
        ]
        if not bars:
            continue
        labels, heights, own = zip(*bars)
        figure, axes = plt.subplots(figsize=(8, 0.6 + 0.22 * len(bars)))
        colours = ["C0" if mine else "0.7" for mine in own]
        axes.barh(range(len(bars)), heights, color=colours)
        axes.set_yticks(range(len(bars)))
        axes.set_yticklabels(labels, fontsize=8)
        axes.invert_yaxis()
        axes.set_xscale("log")
        axes.set_xlabel("milliseconds a step (log scale)")
        axes.set_title("%s: 1,000,000 x 128, 4,096 Zipf indices, 2 threads" % part)
        finish(figure, folder, "rules-" + part)


def plot_all(document, folder):
    """Writes the PNG files that the results allow"""
    plot_size(document, folder)
    plot_growth(document, folder)
    plot_rules(document, folder)
