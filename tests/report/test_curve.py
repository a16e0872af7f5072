"""The learning curve in the report, and on a page of its own."""

from dataclasses import replace

import pytest
import srsly

from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.report.curve_page import render_curve
from spacy_transformer_ner.report.page import render

from ..conftest import ner
from .test_page import ATTACK, contents  # noqa: F401


def estimate(f):
    return {"f": f, "low": f - 0.1, "high": f + 0.1}


CURVE = {
    "recipe": ATTACK,
    "train": ATTACK,
    "dev": ATTACK,
    "documents": [100, 200, 400],
    "shares": [0.25, 0.5, 1.0],
    "all": {"points": [estimate(f) for f in (0.5, 0.6, 0.65)], "more": {2: estimate(0.71), 4: estimate(0.74)}},
    "per_type": {
        ATTACK: {"points": [estimate(0.3)], "more": {"2": estimate(0.4)}, "entities": 5432, "dev_entities": 9},
        "RARE": {"points": [estimate(0.2)], "more": {}, "entities": 3, "dev_entities": 1},
    },
    "hindcast": estimate(0.63),
    "notes": ["There is no prediction for RARE."],
}  # fmt: skip


def test_the_report_shows_the_curve(contents, tmp_path):  # noqa: F811
    page = render(replace(contents, learning_curve=CURVE))
    assert '<a href="#more">Would more labels help?</a>' in page
    assert "<strong>0.710</strong>" in page and "95% interval 0.610 to 0.810" in page
    assert "5,432" in page and "it predicts 0.630 (0.530 to 0.730)" in page
    assert 'aria-label="F1 by the number of training documents"' in page
    assert ATTACK not in page and "#more" not in render(contents)
    # The command finds the file beside the figures.
    srsly.write_json(tmp_path / "metrics.json", contents.evaluation)
    srsly.write_json(tmp_path / "learning-curve.json", CURVE)
    ner("report", tmp_path / "metrics.json", tmp_path / "report.html")
    assert "<strong>0.710</strong>" in (tmp_path / "report.html").read_text("utf-8")
    with pytest.raises(InputError, match="the input files are not what"):
        render(replace(contents, learning_curve={"documents": [1]}))


def test_a_page_of_its_own():
    page = render_curve(CURVE)
    assert page.count("<svg") == 1 and "2× as many, predicted" in page and ATTACK not in page
    # Without a prediction there are only the measured points.
    page = render_curve(CURVE | {"all": {**CURVE["all"], "more": {}}, "hindcast": None})
    assert "predicted" not in page.partition("</svg>")[2] and "A check" not in page
