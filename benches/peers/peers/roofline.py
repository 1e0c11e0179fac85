"""A roofline picture: speed of each kind of layer over its arithmetic intensity.

Rows are `{"kind", "flops", "bytes", "milliseconds"}` as `portrait tensor --profile` writes them.
"""

import json
from pathlib import Path

from . import table

FIELDS = ("kind", "flops", "bytes", "milliseconds")


def read(path):
    """The rows of a profile, checked."""
    rows = json.loads(Path(path).read_text())["rows"]
    for row in rows:
        missing = [field for field in FIELDS if field not in row]
        if missing:
            raise ValueError(f"{path}: a row lacks {', '.join(missing)}: {row}")
        if row["milliseconds"] < 0 or row["bytes"] < 0:
            raise ValueError(f"{path}: milliseconds and bytes must not be below 0: {row}")
    return [row for row in rows if row["milliseconds"] > 0]


def roof(intensity, peak, bandwidth):
    """GFLOP/s that are possible at so many operations a byte."""
    return min(peak, bandwidth * intensity)


def points(rows):
    """(kind, operations by byte, GFLOP/s, milliseconds) of the rows that compute something."""
    return [
        (
            row["kind"],
            row["flops"] / row["bytes"],
            row["flops"] / row["milliseconds"] / 1e6,
            row["milliseconds"],
        )
        for row in rows
        if row["flops"] > 0
    ]


def time_table(profile, peak, bandwidth):
    """Where the time goes, longest first, and how near to the roof each kind comes."""
    total = sum(row["milliseconds"] for row in profile)
    rows = []
    for row in sorted(profile, key=lambda row: -row["milliseconds"]):
        speed = row["flops"] / row["milliseconds"] / 1e6
        moved = row["bytes"] / row["milliseconds"] / 1e6
        near = max(speed / peak, moved / bandwidth)
        rows.append([
            row["kind"], f"{row['milliseconds']:,.1f}", f"{row['milliseconds'] / total:.0%}",
            f"{row['flops'] / 1e9:,.1f}" if row["flops"] else "–",
            f"{speed:,.0f}" if row["flops"] else "–",
            f"{moved:.1f}" if row["bytes"] else "–",
            f"{near:.0%}" if near else "–",
        ])
    header = ["kind of layer", "ms", "of the time", "GFLOP", "GFLOP/s", "GB/s", "of the roof"]
    return table.markdown(header, rows)


def draw(rows, peak, bandwidth, path, title):
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.fonttype"] = "none"
    matplotlib.rcParams["svg.hashsalt"] = "roofline"
    from matplotlib import pyplot

    marks = points(rows)
    left = min([0.1, *(x / 2 for _, x, _, _ in marks)])
    right = max([1000.0, *(x * 2 for _, x, _, _ in marks)])
    figure, axes = pyplot.subplots(figsize=(7.5, 4.5), layout="constrained")
    ridge = peak / bandwidth
    roofline = [roof(x, peak, bandwidth) for x in (left, ridge, right)]
    axes.loglog([left, ridge, right], roofline, color="0.3", linewidth=1.5)
    # Where no layer lies: left of the corner, and above the slope.
    axes.text(ridge, peak * 1.1, f"matrix peak {peak:,.0f} GFLOP/s", ha="right")
    axes.text(left * 1.2, roof(left * 8, peak, bandwidth), f"memory {bandwidth:.0f} GB/s")
    longest = max((mark[3] for mark in marks), default=1)
    for kind, x, speed, milliseconds in marks:
        axes.scatter(x, speed, s=30 + 400 * milliseconds / longest, alpha=0.6, label=kind)
    axes.set(
        xlabel="operations for each byte of input, weights and output",
        ylabel="GFLOP/s",
        xlim=(left, right),
        ylim=(None, peak * 2),
        title=f"{title}; area: time",
    )
    legend = axes.legend(fontsize="small", loc="lower right")
    for handle in legend.legend_handles:
        handle.set_sizes([40])
    axes.grid(alpha=0.3)
    metadata = {"Date": None} if Path(path).suffix == ".svg" else None
    figure.savefig(path, dpi=110, metadata=metadata)
    pyplot.close(figure)
