"""Turns results into a text table.

Ratios are taken round by round: the median over the rounds of (median of the
contestant in that round / median of ours in that round).
"""

import numpy as np

__all__ = ["excess_bytes", "ratio", "render", "render_all"]


def ratio(summary, ours):
    """How many times as long as ours a contestant took"""
    pairs = zip(summary["round_medians_ms"], ours["round_medians_ms"])
    return float(np.median([theirs / own for theirs, own in pairs]))


def excess_bytes(summary, table_bytes):
    """Peak memory beyond the tables and accumulators, since these were made

    Counts what a batch needs, and the graph. None where the system does not tell.
    """
    if not summary.get("peak_bytes"):
        return None
    return summary["peak_bytes"] - summary["bytes_before"] - table_bytes


def render(result):
    """One result as lines of text"""
    lines = [result["title"]]
    if "distinct_rows" in result and result["part"] != "growth":
        lines[0] += " (%.0f distinct rows of %s lookups)" % (
            result["distinct_rows"],
            "{:,}".format(result["num_lookups"]),
        )
    if result["part"] != "words":
        lines.append(
            "  %-36s %10s %21s %8s %9s %6s"
            % ("", "median ms", "quartiles ms", "x ours", "excess MB", "idle")
        )
    summaries = result["contestants"]
    reference = summaries.get("ours") or next(iter(summaries.values()))
    for label, summary in summaries.items():
        if "absent" in summary:
            lines.append("  %-36s absent: %s" % (label, summary["absent"]))
            continue
        if "words_per_second" in summary:
            lines.append(
                "  %-36s %10.0f words/s, held-out AUC %.4f"
                % (label, summary["words_per_second"], summary["held_out_auc"])
            )
            continue
        excess = excess_bytes(
            summary, summary.get("table_bytes", result.get("table_bytes", 0))
        )
        compared = "" if "absent" in reference else "%.2f" % ratio(summary, reference)
        lines.append(
            "  %-36s %10.4g %10.4g %10.4g %8s %9s %6.2f"
            % (
                label,
                summary["median_ms"],
                summary["quartiles_ms"][0],
                summary["quartiles_ms"][1],
                compared,
                "" if excess is None else "%.0f" % (excess / 1e6),
                summary["idle_processor_share"],
            )
        )
        if "distinct_rows" in summary:
            nanoseconds = summary["median_ms"] * 1e6 / summary["distinct_rows"]
            lines[-1] += "  %.0f distinct rows, %.0f ns each" % (
                summary["distinct_rows"],
                nanoseconds,
            )
    return "\n".join(lines)


def render_all(document):
    """All results of a JSON document, under a line about the machine"""
    machine = document["machine"]
    head = "%(processor)s, %(cores)s cores, %(memory_gib)s GiB, load %(load_at_start)s"
    parts = [head % machine] + [render(result) for result in document["results"]]
    return "\n\n".join(parts) + "\n"
