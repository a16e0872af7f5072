"""Convert, train and evaluate on JSON records as in tutorials: `tokens`, integer `ner_tags`,
and a list of labels."""

import json

import pytest
import srsly

from spacy_transformer_ner.corpus.options import ReadOptions
from spacy_transformer_ner.corpus.readers.formats import open_corpus
from spacy_transformer_ner.corpus.sources import Source
from spacy_transformer_ner.corpus.tags import write_tags

from ..conftest import SAMPLE, ner

LABELS = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC", "B-MISC", "I-MISC"]


def run(*command):
    done = ner(*command)
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


def records(split, n_documents):
    """The sample as such records."""
    documents = list(open_corpus(Source.at(SAMPLE / f"{split}.conll"), ReadOptions()))
    for document in documents[:n_documents]:
        for sentence in document.sentences:
            spans = [(e.start, e.end, e.label) for e in sentence.entities]
            tags = write_tags(len(sentence.words), spans)
            yield {
                "tokens": list(sentence.words),
                "ner_tags": [LABELS.index(tag) for tag in tags],
            }


def write(path, found):
    numbered = [{"id": str(i), **record} for i, record in enumerate(found)]
    if path.suffix == ".json":
        path.write_text(json.dumps(numbered), encoding="utf-8")
    else:
        srsly.write_jsonl(path, numbered)
    return sum(LABELS[tag].startswith("B-") for record in numbered for tag in record["ner_tags"])


@pytest.mark.slow
@pytest.mark.parametrize(
    "recipe, suffix", [("bert-base-uncased-faithful", "json"), ("bert-base-uncased", "jsonl")]
)
def test_from_records_to_figures(recipe, suffix, encoders, tmp_path):
    data, corpus, best = tmp_path / "mine", tmp_path / "corpus", tmp_path / "out" / "model-best"
    data.mkdir()
    gold = {
        split: write(data / f"{split}.{suffix}", records(split.replace("valid", "dev"), 6))
        for split in ("train", "valid", "test")
    }
    gold["dev"] = gold.pop("valid")
    if suffix == "json":
        srsly.write_json(data / "labels.json", LABELS)
        run("convert", data, corpus)
    else:
        run("convert", data, corpus, "--labels", ",".join(LABELS))
    made = srsly.read_json(corpus / "convert.json")
    assert {name: split["entities"] for name, split in made.items()} == {
        f"{split}.spacy": n for split, n in gold.items()
    }
    encoder = encoders["wordpiece"]
    said = run("check", corpus, "--config", recipe, "--encoder", encoder)
    assert "train" in said and "LOC" in said
    run(
        "train", recipe, "--output", tmp_path / "out", "--encoder", encoder,
        "--train", corpus / "train.spacy", "--dev", corpus / "dev.spacy",
        "--components.transformer.model.window", 64, "--training.eval_frequency", 2,
        "--training.max_steps", 4,
    )  # fmt: skip
    run("evaluate", best, corpus / "test.spacy", "--output", tmp_path / "figures.json")
    figures = srsly.read_json(tmp_path / "figures.json")
    for tokenization in ("text", "gold"):
        counts = figures[tokenization]["entities"]
        assert counts["tp"] + counts["fn"] == gold["test"] and 0 <= counts["f"] <= 1
    meta = srsly.read_json(best / "meta.json")
    assert meta["labels"]["transformer_ner"] == ["LOC", "MISC", "ORG", "PER"]
