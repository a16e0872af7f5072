import re
import resource
import runpy
import shutil
import sys

import numpy
import pytest
import spacy
import srsly
from tokenizers import Tokenizer

from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.exchange import export_onnx as module
from spacy_transformer_ner.exchange.export_onnx import export_onnx
from spacy_transformer_ner.files import new_folder

from ..conftest import SENTENCES, blank_pipeline, make_examples, ner

pytest.importorskip("onnxscript", reason="needs the extra onnx")
onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra onnx")


def emissions(nlp, doc):
    """The output of the recogniser's model for the tokens of a Doc."""
    nlp.get_pipe("transformer")(doc)
    return nlp.get_pipe("transformer_ner").model.predict([doc])[0]


def scores_of(folder, monkeypatch):
    """The function in the folder's README."""
    code = re.search(r"```python\n(.*?)```", (folder / "README.md").read_text("utf-8"), re.DOTALL)
    (folder / "readme.py").write_text(code[1], "utf-8")
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "word_shapes", raising=False)
    return runpy.run_path("readme.py")["scores"]


@pytest.mark.parametrize(
    "kind, settings",
    [
        ("wordpiece", {"word_shape": True, "word_boundaries": True}),
        ("byte-bpe", {"wordpiece_pooling": "first", "leading_space": False}),
        ("unigram", {"word_boundaries": True}),
    ],
)
def test_readme_code_gives_the_same_scores(encoders, tmp_path, monkeypatch, capsys, kind, settings):
    nlp = blank_pipeline(encoders[kind], **settings)
    nlp.initialize(lambda: make_examples(nlp))
    head = nlp.get_pipe("transformer_ner").model.get_ref("output_layer")
    random = numpy.random.default_rng(0)
    head.set_param("W", random.normal(size=(13, 32)).astype("f"))
    head.set_param("b", random.normal(size=13).astype("f"))
    encoder = nlp.get_pipe("transformer").model.shims[0].encoder
    for embeddings in (encoder.shape_embeddings, encoder.boundary_embeddings):
        if embeddings is not None:
            embeddings.weight.data.normal_()
    assert export_onnx(nlp, tmp_path / "graph").difference < 1e-4
    config = srsly.read_json(tmp_path / "graph" / "config.json")
    assert config["tags"] == nlp.get_pipe("transformer_ner").tag_names
    scores = scores_of(tmp_path / "graph", monkeypatch)
    for text, _ in SENTENCES:
        doc = nlp.make_doc(text)
        found = scores([t.text for t in doc], [bool(t.whitespace_) for t in doc])
        numpy.testing.assert_allclose(found, emissions(nlp, doc), atol=1e-4)


@pytest.fixture(scope="module")
def command(trained, tmp_path_factory):
    """What the command prints, and the folder that it writes."""
    folder = tmp_path_factory.mktemp("command")
    trained.to_disk(folder / "trained")
    return ner("export-onnx", folder / "trained", folder / "graph"), folder / "graph"


def test_int8(trained, command, tmp_path, monkeypatch, capsys):
    """Of the graph that the command has exported, of the same pipeline."""
    exported_before = command[1] / "model.onnx"
    monkeypatch.setattr(module, "export", lambda _, path: shutil.copy(exported_before, path))
    exported = export_onnx(trained, tmp_path / "graph", is_int8=True)
    assert exported.difference < 1e-4 < exported.int8_difference < 1.0
    scores = scores_of(tmp_path / "graph", monkeypatch)
    text, entities = SENTENCES[0]
    doc = trained.make_doc(text)
    tags = srsly.read_json("config.json")["tags"]
    best = scores([t.text for t in doc], [bool(t.whitespace_) for t in doc]).argmax(axis=1)
    assert [tags[i] for i in best] == ["B-PER", "L-PER", "O", "U-ORG", "O", "U-LOC", "O"]


def test_batch(command):
    _, folder = command
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert {o.name for o in session.get_outputs()} == {"last_hidden_state", "logits"}
    pad = srsly.read_json(folder / "config.json")["pad"]
    ids = tokenizer.encode(" Oslo").ids
    one = numpy.array([ids])
    both = numpy.full((2, len(ids) + 3), pad)
    both[0, : len(ids)] = ids
    mask = numpy.ones_like(both)
    mask[0, len(ids) :] = 0
    (alone,), (together,) = (
        session.run(["logits"], {"input_ids": i, "attention_mask": m, "word_shapes": 0 * i})
        for i, m in ((one, numpy.ones_like(one)), (both, mask))
    )
    numpy.testing.assert_allclose(together[0, : len(ids)], alone[0], atol=1e-4)


def test_a_missing_package(trained, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InputError, match="pip install 'onnx"):
        export_onnx(trained, tmp_path / "graph")
    assert not (tmp_path / "graph").exists()


def test_pipeline_without_transformer_ner(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    with pytest.raises(InputError, match="no transformer_ner"):
        export_onnx(nlp, tmp_path / "graph")


def test_pipeline_without_encoder(trained, tmp_path):
    trained.to_disk(tmp_path / "trained")
    nlp = spacy.load(tmp_path / "trained")
    nlp.remove_pipe("transformer")
    with pytest.raises(InputError, match="no encoder"):
        export_onnx(nlp, tmp_path / "graph")


def test_command(command):
    done, folder = command
    assert done.returncode == 0 and "the pipeline's fp32 scores" in done.stdout
    names = {path.name for path in folder.iterdir()}
    assert names == {"model.onnx", "tokenizer.json", "config.json", "README.md", "word_shapes.py"}


def test_a_full_disk(trained, tmp_path, monkeypatch):
    """Reported before writing, or when writing fails."""
    usage = shutil.disk_usage(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=0))
        with pytest.raises(InputError, match=f"^{tmp_path}: the disk has 0.0 MiB left"):
            export_onnx(trained, tmp_path / "graph")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(InputError, match="/graph: cannot be written: File too large"):
            with new_folder(tmp_path / "graph") as new:
                export_onnx(trained, new)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())
