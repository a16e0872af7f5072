"""The code in docs/pipelines.md works, with spaCy components trained here."""

import json
import re
import subprocess
import sys

import pytest
import spacy
import srsly
from spacy.cli._util import app
from spacy.language import Language
from spacy.lookups import Lookups
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import fix_random_seed
from typer.testing import CliRunner

from .conftest import ROOT, SENTENCES, make_examples

TEXT = (ROOT / "docs" / "pipelines.md").read_text("utf-8")
# Each Python block, and its output in the page.
BLOCKS = re.findall(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", TEXT, re.DOTALL)
TAGS = [
    "NNP NNP VBZ NNP IN NNP .",
    "NNP VBD NNP NNP IN NNP NNP .",
    "PRP VBD IN NNP CC IN NNP NNP .",
    "NN VBZ WRB PRP VBD .",
    "NNP NNP VBD NNP NNP IN NNP .",
]


CAR = ("Ann Lee drove a Volvo in Oslo.", [(16, 21, "CAR")])


def record(text) -> str:
    """A line of JSON, as in the page."""
    keys = ("start", "end", "label")
    return json.dumps({"text": text[0], "spans": [dict(zip(keys, ent)) for ent in text[1]]})


@pytest.fixture(scope="module")
def english() -> Language:
    """A pipeline like en_core_web_sm, trained on a few sentences."""
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec")
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 96, "upstream": "*"}
    nlp.add_pipe(
        "tagger", config={"model": {"@architectures": "spacy.Tagger.v2", "tok2vec": listener}}
    )
    parser = {
        "@architectures": "spacy.TransitionBasedParser.v2",
        "state_type": "parser",
        "extra_state_tokens": False,
        "hidden_width": 16,
        "maxout_pieces": 2,
        "use_upper": True,
        "tok2vec": listener,
    }
    nlp.add_pipe("parser", config={"model": parser, "min_action_freq": 1})
    nlp.add_pipe("attribute_ruler")
    lookups = Lookups()
    for table in ("lemma_rules", "lemma_exc", "lemma_index"):
        lookups.add_table(table, {})
    nlp.add_pipe("lemmatizer").initialize(nlp=nlp, lookups=lookups)
    nlp.add_pipe("ner")
    examples = []
    for (text, entities), tags in zip(SENTENCES, TAGS):
        doc = nlp.make_doc(text)
        deps = {"heads": [0] * len(doc), "deps": ["ROOT"] + ["dep"] * (len(doc) - 1)}
        examples.append(
            Example.from_dict(doc, {"entities": entities, "tags": tags.split(), **deps})
        )
    with nlp.select_pipes(disable="lemmatizer"):
        nlp.initialize(lambda: examples)
        for _ in range(20):
            nlp.update(examples)
    nlp.get_pipe("attribute_ruler").add([[{"TAG": {"REGEX": "."}}]], {"POS": "X"})
    return nlp


@pytest.fixture
def installed(trained, english, tmp_path, monkeypatch):
    """The pipelines that the page loads by name, and a folder to work in."""
    for name, nlp in (("en_ner_sample_minilm", trained), ("en_core_web_sm", english)):
        nlp.to_disk(tmp_path / name)
    ours = spacy.load(tmp_path / "en_ner_sample_minilm")
    # As in the recipes.
    ours.add_pipe("doc_cleaner")
    optimizer = {"@optimizers": "spacy-transformer-ner.AdamW.v1", "learn_rate": 3e-3}
    ours.config["training"]["optimizer"] = optimizer
    ours.to_disk(tmp_path / "en_ner_sample_minilm")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    if Doc.has_extension("places"):
        Doc.remove_extension("places")


def test_the_page(installed, capsys):
    (installed / "texts.csv").write_text("id,text\n1,It rained in Oslo.\n2,Nobody knows.\n")
    cars = [CAR, ("Nobody knows why the Saab left New York.", [(21, 25, "CAR")])]
    (installed / "cars.jsonl").write_text("\n".join(map(record, cars)))
    dev = [(CAR[0], [(0, 7, "PER"), *CAR[1], (25, 29, "LOC")]), SENTENCES[0]]
    (installed / "dev.jsonl").write_text("\n".join(map(record, dev)))
    assert record(CAR) in TEXT
    assert len(BLOCKS) == TEXT.count("```python") and TEXT.count("```text") > 6
    fix_random_seed(0)
    namespace: dict = {}
    for code, said in BLOCKS:
        # A tiny encoder needs a higher learning rate.
        exec(code.replace("learn_rate = 1e-4", "learn_rate = 3e-3"), namespace)
        assert capsys.readouterr().out == said
    first, second = srsly.read_jsonl(installed / "entities.jsonl")
    assert second == {"id": "2", "text": "Nobody knows.", "entities": []}
    (found,) = first["entities"]
    assert (found["start"], found["end"], found["label"]) == (13, 17, "LOC") and found[
        "score"
    ] > 0.5


def test_the_config(installed):
    """Sourced components in a config find the same as sourced in Python."""
    (config,) = re.findall(r"```ini\n(.*?)```", TEXT, re.DOTALL)
    (installed / "english.cfg").write_text(config)
    command = ["assemble", str(installed / "english.cfg"), str(installed / "english")]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    nlp = spacy.load(installed / "english")
    doc = nlp(SENTENCES[0][0])
    assert [ent.label_ for ent in doc.ents] == ["PER", "ORG", "LOC"]
    assert [token.tag_ for token in doc] == TAGS[0].split()


FRESH = """
import sys
import spacy
from spacy.tokens import Doc
from spacy_transformer_ner.errors import InputError

assert not Doc.has_extension("trf_data")
text = "Marit Solheim leads Fjordverk in Oslo."
for name in ("own-tok2vec", "replaced"):
    nlp = spacy.load(name)
    assert nlp.pipe_names == ["transformer_ner"]
    print([(ent.text, ent.label_) for ent in nlp(text).ents], list(nlp.pipe([text]))[0]._.trf_data)
alone = spacy.load("alone")
try:
    alone(text)
except InputError as error:
    print(error)
sourced = spacy.blank("en")
sourced.add_pipe("transformer_ner", source=spacy.load("replaced"))
print([(ent.text, ent.label_) for ent in sourced(text).ents])
"""


def test_one_component_in_a_fresh_process(trained, tmp_path):
    """Without a `transformer`, nothing of spacy-transformers is called."""
    text = SENTENCES[0][0]
    found = str([(ent.text, ent.label_) for ent in trained(text).ents])
    trained.to_disk(tmp_path / "whole")
    for name in ("alone", "replaced"):
        nlp = spacy.load(tmp_path / "whole")
        if name == "replaced":
            nlp.replace_listeners("transformer", "transformer_ner", ["model.tok2vec"])
        nlp.remove_pipe("transformer")
        nlp.to_disk(tmp_path / name)
    nlp = spacy.blank("en")
    embeddings = {
        "@architectures": "spacy.HashEmbedCNN.v2",
        "width": 8,
        "depth": 1,
        "embed_size": 50,
        "window_size": 1,
        "maxout_pieces": 2,
        "subword_features": False,
        "pretrained_vectors": None,
    }
    model = {"@architectures": "spacy-transformer-ner.TokenClassifier.v1", "tok2vec": embeddings}
    nlp.add_pipe("transformer_ner", config={"model": model})
    nlp.initialize(lambda: make_examples(nlp))
    nlp.to_disk(tmp_path / "own-tok2vec")
    done = subprocess.run(
        [sys.executable, "-c", FRESH], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    own, replaced, alone, sourced = done.stdout.splitlines()
    assert own.endswith("] None")
    assert replaced == f"{found} None" and sourced == found
    assert "listens to a transformer, and none has run before it" in alone
