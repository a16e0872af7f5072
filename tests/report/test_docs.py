"""docs/evaluation.md names what the figures hold."""

import re

from spacy.tokens import DocBin

from spacy_transformer_ner.evaluation.evaluate import SCHEMA, evaluate

from ..conftest import ROOT, make_examples


def test_every_key_is_documented(trained, tmp_path):
    DocBin(docs=[e.reference for e in make_examples(trained)]).to_disk(tmp_path / "test.spacy")
    result = evaluate(trained, tmp_path / "test.spacy")
    text = (ROOT / "docs" / "evaluation.md").read_text("utf-8")
    named = set(re.findall(r"`([a-z_]+)`", text))
    assert set(result.to_dict()) <= named
    assert SCHEMA in text
