"""Earlier runs in the report."""

import os

import srsly

from spacy_transformer_ner.evaluation.evaluate import SCHEMA
from spacy_transformer_ner.report.runs import runs_of

from ..conftest import ner
from .test_page import ATTACK, contents  # noqa: F401, a fixture


def test_runs_beside_and_in_the_page(contents, tmp_path):  # noqa: F811
    def write(name, day, **more):
        path = tmp_path / name
        srsly.write_json(path, contents.evaluation | {"schema": SCHEMA} | more)
        os.utime(path, (day * 86400, day * 86400))
        return path

    this = write("this.json", 20)
    write("older.json", 3, model="training/older")
    write("other-data.json", 4, corpus="corpus/other.spacy")
    write("newer.json", 21, model="training/newer")
    write("old-schema.json", 5, schema="v1")
    (tmp_path / "broken.json").write_text("{")
    page = tmp_path / "page.html"
    ner("report", this, page)
    text = page.read_text("utf-8")
    assert '<a href="#runs">Earlier runs</a>' in text
    assert '<th scope="row">1970-01-04 00:00</th>' in text and "training/older" in text
    assert "training/newer" not in text and text.count('<th scope="row">1970-') == 1
    # The figures are replaced by those of a repeated evaluation: the page remembers the others.
    write("this.json", 22, model=ATTACK)
    (tmp_path / "older.json").unlink()
    ner("report", this, page)
    text = page.read_text("utf-8")
    dates = [run.date[:10] for run in runs_of(srsly.read_json(this), this, page)]
    assert dates == ["1970-01-04", "1970-01-21", "1970-01-22", "1970-01-23"]
    assert text.count('<th scope="row">1970-') == 3 and ATTACK not in text
    # The same report again is not another run.
    ner("report", this, page)
    assert page.read_text("utf-8").count('<th scope="row">1970-') == 3


def test_unreadable_runs(tmp_path):
    (tmp_path / "m.json").write_text("{}")
    assert runs_of({}, tmp_path / "m.json", tmp_path / "page.html") == []
    done = ner("report", tmp_path / "m.json", tmp_path / "page.html")
    assert done.returncode == 1 and "starting with `spacy ner evaluate`" in done.stdout
