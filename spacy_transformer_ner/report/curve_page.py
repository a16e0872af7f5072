"""Render a learning curve: its chart, and a page of its own."""

from importlib import resources
from typing import Any

import srsly
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from . import charts


def curve_variables(curve: dict[str, Any]) -> dict[str, Any]:
    """Get the variables of page.curve.html.jinja.

    curve (dict): The content of learning-curve.json, or `learning_curve.Result.to_dict()`.
    RETURNS (dict): The curve, its keys as in JSON, and its chart.
    RAISES: LookupError, TypeError or ValueError if it is not a learning curve.
    """
    curve = srsly.json_loads(srsly.json_dumps(curve))
    last = curve["documents"][-1]
    measured = dict(zip(curve["documents"], curve["all"]["points"]))
    more = {int(times) * last: point for times, point in curve["all"]["more"].items()}
    return {"curve": curve, "curve_chart": charts.by_documents(measured, more)}


def render_curve(curve: dict[str, Any]) -> str:
    """Render a page with a learning curve. It makes no network requests.

    curve (dict): See `curve_variables`.
    RETURNS (str): The HTML.
    """
    environment = Environment(
        loader=PackageLoader(__package__, "."), autoescape=True, undefined=StrictUndefined
    )
    style = Markup(resources.files(__package__).joinpath("page.css").read_text("utf-8"))
    page = environment.get_template("page.curve_only.html.jinja")
    html = page.render(**curve_variables(curve), style=style)
    return html.encode("utf-8", "replace").decode("utf-8")
