"""Charts as inline SVG that uses the colors of the page."""

import io
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Placeholders for the colors of the page, which differ in light and dark mode.
INK, LINE, FIRST, SECOND = "#010203", "#010204", "#010205", "#010206"
OF_PAGE = {
    INK: "currentColor",
    LINE: "var(--line)",
    FIRST: "var(--first)",
    SECOND: "var(--second)",
}
WIDTH = 4.8
LONGEST_NAME = 30
STYLE = {
    "svg.fonttype": "none",  # keep text as text
    "font.family": "sans-serif",
    "font.size": 9,
    "text.parse_math": False,  # a type can be named $x$
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": LINE,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": LINE,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}

Row = Mapping[str, float]


def per_type(rows: Mapping[str, Row], intervals: Mapping[str, Mapping[str, Row]]) -> str:
    """Draw the F1 of each type with its confidence interval.

    rows (Mapping[str, Row]): "f" of each type.
    intervals (Mapping): "low" and "high" of "f" of each type, if known.
    RETURNS (str): The SVG.
    """
    names = list(rows)[::-1]

    def draw(axes: Axes) -> None:
        for y, name in enumerate(names):
            if name in intervals:
                interval = intervals[name]["f"]
                axes.plot(
                    [interval["low"], interval["high"]],
                    [y, y],
                    color=SECOND,
                    linewidth=5,
                    alpha=0.5,
                )
            axes.plot(rows[name]["f"], y, "o", color=FIRST, markersize=6)
        axes.set_yticks(range(len(names)), [_shown(name) for name in names])
        axes.set_ylim(-0.6, len(names) - 0.4)
        axes.set_xlabel("F1" + (" with 95% bootstrap confidence interval" if intervals else ""))
        axes.set_xlim(right=min(1.005, axes.get_xlim()[1]))

    return _svg("per-type", "F1 of each type", 0.8 + 0.28 * len(names), draw)


def learning_curve(steps: Sequence[int], curves: Mapping[str, Sequence[float]]) -> str:
    """Draw metrics over the training steps.

    steps (Sequence[int]): The steps of the measurements.
    curves (Mapping[str, Sequence[float]]): The metrics; two at most.
    RETURNS (str): The SVG.
    """

    def draw(axes: Axes) -> None:
        for (name, values), colour in zip(curves.items(), (FIRST, SECOND)):
            axes.plot(
                steps, values, color=colour, label=name, marker="." if len(steps) < 40 else None
            )
        # Scale by the later steps: the first ones start near 0 and would flatten the rest.
        later = [value for values in curves.values() for value in values[len(steps) // 5 :]]
        axes.set_ylim(bottom=max(0.0, 2 * min(later) - max(later)))
        axes.set_xlabel("step")
        axes.set_ylabel(", ".join(curves))
        if len(curves) > 1:
            axes.legend(loc="lower right")

    return _svg("curve", f"{' and '.join(curves)} over training", 2.8, draw)


def by_documents(measured: Mapping[int, Row], predicted: Mapping[int, Row]) -> str:
    """Draw the F1 over the number of training documents.

    measured, predicted (Mapping[int, Row]): "f", "low" and "high" of each number of documents.
    RETURNS (str): The SVG.
    """

    def draw(axes: Axes) -> None:
        last = max(measured)
        for rows, colour, name in (
            (measured, FIRST, "measured"),
            ({last: measured[last], **predicted}, SECOND, "predicted"),
        ):
            if len(rows) < 2 and name == "predicted":
                continue
            f, low, high = ([row[key] for row in rows.values()] for key in ("f", "low", "high"))
            axes.fill_between(list(rows), low, high, color=colour, alpha=0.25, linewidth=0)
            axes.plot(list(rows), f, marker="o", markersize=4, color=colour, label=name)
        axes.set_xscale("log", base=2)
        axes.set_xticks([*measured, *predicted], [f"{n:,}" for n in (*measured, *predicted)])
        axes.minorticks_off()
        axes.set_xlabel("training documents")
        axes.set_ylabel("F1 with 95% interval")
        axes.legend(loc="lower right")

    return _svg("by-documents", "F1 by the number of training documents", 3.0, draw)


def reliability(before: Sequence[Row], after: Sequence[Row]) -> str:
    """Draw a reliability diagram.

    before, after (Sequence[Row]): "score" and "precision" of each bin, before and after
        calibration.
    RETURNS (str): The SVG.
    """

    def draw(axes: Axes) -> None:
        low = min(
            [
                0.9,
                *(value for row in (*before, *after) for value in (row["score"], row["precision"])),
            ]
        )
        axes.plot([low, 1], [low, 1], color=LINE, linestyle="--")
        for rows, colour, name in (
            (before, SECOND, "before calibration"),
            (after, FIRST, "reported scores"),
        ):
            x, y = ([row[key] for row in rows] for key in ("score", "precision"))
            axes.plot(x, y, marker="o", markersize=4, color=colour, label=name, linewidth=1)
        axes.set_xlabel("mean score of bin")
        axes.set_ylabel("precision")
        axes.legend(loc="upper left")

    return _svg("reliability", "Reliability diagram: precision by score", 3.2, draw)


def _shown(name: str) -> str:
    name = " ".join(name.split())
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def _svg(name: str, title: str, height: float, draw: Callable[[Axes], None]) -> str:
    settings: Any = {**STYLE, "svg.hashsalt": name}
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        draw(figure.add_subplot())
        file = io.StringIO()
        with warnings.catch_warnings():
            # The browser draws the text, so matplotlib's fonts need not have its glyphs.
            warnings.filterwarnings("ignore", "Glyph")
            figure.savefig(
                file, format="svg", transparent=True, metadata={"Date": None, "Creator": None}
            )
    return _of_page(file.getvalue(), name, title)


def _of_page(svg: str, name: str, title: str) -> str:
    """Prepare a chart for the page: use the page's colors, make ids unique, add a label for
    screen readers, and remove external references."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    for colour, of_page in OF_PAGE.items():
        svg = svg.replace(colour, of_page)
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", svg)
    size = re.search(r'viewBox="[^"]*"', svg)
    head = f'<svg class="chart" role="img" aria-label="{title}" {size[0] if size else ""}>'
    return re.sub(r"<svg[^>]*>", head, svg, count=1).replace("xlink:href", "href")
