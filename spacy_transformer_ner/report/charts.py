"""Charts as SVG that stands within a page and takes its colours."""

import io
import re
import warnings
from collections.abc import Callable, Mapping, Sequence

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Colours that stand for those of the page, which differ by day and by night.
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
    "svg.fonttype": "none",  # text stays text
    "font.family": "sans-serif",
    "font.size": 9,
    "text.parse_math": False,  # a type may be called $x$
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
    """Draw the F1 of each type with its interval.

    rows (Mapping[str, Row]): "f" of each type.
    intervals (Mapping): "low" and "high" of "f" of each type, where known.
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
        axes.set_xlabel("F1" + (" and its 95 % confidence interval" if intervals else ""))
        axes.set_xlim(right=min(1.005, axes.get_xlim()[1]))

    return _svg("per-type", "F1 of each type", 0.8 + 0.28 * len(names), draw)


def learning_curve(steps: Sequence[int], curves: Mapping[str, Sequence[float]]) -> str:
    """Draw figures over the steps of training.

    steps (Sequence[int]): When they were measured.
    curves (Mapping[str, Sequence[float]]): The figures; two at most.
    RETURNS (str): The SVG.
    """

    def draw(axes: Axes) -> None:
        for (name, values), colour in zip(curves.items(), (FIRST, SECOND)):
            axes.plot(
                steps, values, color=colour, label=name, marker="." if len(steps) < 40 else None
            )
        # The first steps, from nothing, would make the others a line.
        later = [value for values in curves.values() for value in values[len(steps) // 5 :]]
        axes.set_ylim(bottom=max(0.0, 2 * min(later) - max(later)))
        axes.set_xlabel("step")
        axes.set_ylabel(", ".join(curves))
        if len(curves) > 1:
            axes.legend(loc="lower right")

    return _svg("curve", f"{' and '.join(curves)} over training", 2.8, draw)


def reliability(before: Sequence[Row], after: Sequence[Row]) -> str:
    """Draw how often entities of a score are right.

    before, after (Sequence[Row]): "score" and "precision" of bins of entities, without
        and with calibration.
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
            (after, FIRST, "as given"),
        ):
            x, y = ([row[key] for row in rows] for key in ("score", "precision"))
            axes.plot(x, y, marker="o", markersize=4, color=colour, label=name, linewidth=1)
        axes.set_xlabel("mean score of a bin")
        axes.set_ylabel("share that is right")
        axes.legend(loc="upper left")

    return _svg("reliability", "Share of right entities by score", 3.2, draw)


def _shown(name: str) -> str:
    name = " ".join(name.split())
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def _svg(name: str, title: str, height: float, draw: Callable[[Axes], None]) -> str:
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        draw(figure.add_subplot())
        file = io.StringIO()
        with warnings.catch_warnings():
            # The page's fonts draw it, not matplotlib's.
            warnings.filterwarnings("ignore", "Glyph")
            figure.savefig(
                file, format="svg", transparent=True, metadata={"Date": None, "Creator": None}
            )
    return _of_page(file.getvalue(), name, title)


def _of_page(svg: str, name: str, title: str) -> str:
    """Fit a chart into a page: its colours, ids of its own, a name to be read aloud, and
    nothing that points elsewhere."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    for colour, of_page in OF_PAGE.items():
        svg = svg.replace(colour, of_page)
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", svg)
    size = re.search(r'viewBox="[^"]*"', svg)
    head = f'<svg class="chart" role="img" aria-label="{title}" {size[0] if size else ""}>'
    return re.sub(r"<svg[^>]*>", head, svg, count=1).replace("xlink:href", "href")
