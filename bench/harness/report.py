"""From single values to a table of medians, ranges and ratios."""

import statistics

from products import CEILING, OURS, PEER


class Measure:
    def __init__(self, key, title, digits=0, less_is_better=False, compared=True):
        self.key, self.title, self.digits = key, title, digits
        self.less_is_better = less_is_better
        self.compared = compared  # products with each other

    def text(self, value):
        return f"{value:,.{self.digits}f}"

    def best(self, values):
        return min(values) if self.less_is_better else max(values)


JOBS = [
    Measure("syncs", "the disk before the turn, syncs/s", compared=False),
    Measure("insert_1", "insert, one a transaction, jobs/s"),
    Measure("insert_many", "insert, in batches, jobs/s"),
    Measure("run_1", "run, one at a time, jobs/s"),
    Measure("run_many", "run, in batches, jobs/s"),
    Measure("p50_ms", "enqueue to start, median, ms (less is better)", 2, less_is_better=True),
    Measure("p99_ms", "enqueue to start, p99, ms (less is better)", 2, less_is_better=True),
    Measure("stale", "run with stale statistics, of its first run", 2, compared=False),
    Measure("stale_rate", "run with stale statistics, jobs/s"),
    Measure("snapshot", "run beside an open snapshot, of its rate without", 2, compared=False),
    Measure("snapshot_rate", "run beside an open snapshot, jobs/s"),
]

DECIDE = [
    Measure("decide", "decisions/s"),
    Measure("explain", "decisions/s, each with its reason as a sentence"),
]


def summarise(measures, results, products):
    """One entry for each measure and product that has values; `cut`: a run met its time limit."""
    summary = []
    for measure in measures:
        for product in products:
            found = [
                r
                for r in results
                if r["measure"] == measure.key and r["product"] == product.name
            ]
            if not found:
                continue
            values = [r["value"] for r in found]
            summary.append(
                {
                    "measure": measure.key,
                    "product": product.name,
                    "kind": product.kind,
                    "rounds": len(values),
                    "median": statistics.median(values),
                    "min": min(values),
                    "max": max(values),
                    "cut": any(r["cut"] for r in found),
                }
            )
    return summary


def ratio(measure, entries, kind):
    """Ours to the best median of that kind, or None."""
    ours = [entry["median"] for entry in entries if entry["kind"] == OURS]
    others = [entry["median"] for entry in entries if entry["kind"] == kind]
    if not ours or not others or not measure.compared or measure.best(others) == 0:
        return None
    return ours[0] / measure.best(others)


def cell(measure, entry):
    if entry is None:
        return "-"
    median, least, most = (measure.text(entry[key]) for key in ("median", "min", "max"))
    spread = f" ({least}-{most})" if entry["rounds"] > 1 else ""
    return median + spread + (" cut" if entry["cut"] else "")


def table(measures, summary, products):
    """Markdown, aligned: a line for each measure, a column for each product."""
    rows = [["", *(p.name for p in products), "ours / best peer", "ours / ceiling"]]
    for measure in measures:
        entries = [entry for entry in summary if entry["measure"] == measure.key]
        if not entries:
            continue
        by_product = {entry["product"]: entry for entry in entries}
        row = [measure.title, *(cell(measure, by_product.get(p.name)) for p in products)]
        for kind in (PEER, CEILING):
            value = ratio(measure, entries, kind)
            row.append("-" if value is None else f"{value:.2f}")
        rows.append(row)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        texts = [row[0].ljust(widths[0])]
        texts += [text.rjust(width) for text, width in zip(row[1:], widths[1:])]
        lines.append("| " + " | ".join(texts) + " |")
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines.insert(1, "| " + " | ".join(rule) + " |")
    return "\n".join(lines)
