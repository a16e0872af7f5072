"""The encoder gives the same results with onnxruntime as with torch."""

import pickle
import sys

import numpy
import pytest
import spacy
import torch
from transformers import AutoModel

from spacy_transformer_ner.encoder import onnx as onnx_module
from spacy_transformer_ner.encoder.optimizer import create_adamw
from spacy_transformer_ner.errors import InputError

from ..conftest import SENTENCES, blank_pipeline, entities, make_examples, train_tokenizer
from ..training.test_recipes import ARCHITECTURES

pytest.importorskip("onnxscript", reason="needs the extra onnx")
pytest.importorskip("onnxruntime", reason="needs the extra onnx")

TEXTS = ["", "Oslo", "\n", "Ann Lee " * 60 + "in Oslo.", *(text for text, _ in SENTENCES)]
KINDS = {"word_shape": True, "word_boundaries": True}


def make_encoder(folder, name):
    config_class, family, shape = ARCHITECTURES[name]
    if name != "modernbert":  # the only one whose layers differ
        shape = {**shape, "n_layers" if name == "distilbert" else "num_hidden_layers": 1}
    torch.manual_seed(0)
    tokenizer = train_tokenizer(family)
    config = config_class(vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id, **shape)
    AutoModel.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def model_of(nlp):
    return nlp.get_pipe("transformer").model


def vectors(nlp):
    docs = [nlp.make_doc(text) for text in TEXTS]
    return numpy.concatenate(model_of(nlp).predict(docs).vectors)


def found(nlp, **options):
    return [entities(doc) for doc in nlp.pipe(TEXTS, **options)]


def other_runtime(nlp, folder, runtime, **settings):
    """The same pipeline, saved and loaded with another runtime."""
    nlp.to_disk(folder)
    model = {"runtime": runtime, **settings}
    return spacy.load(folder, config={"components": {"transformer": {"model": model}}})


GRAPHS: dict[tuple, bytes] = {}


@pytest.fixture
def export_once(monkeypatch):
    """Networks with equal weights are exported once, as it takes seconds."""
    export = onnx_module.export

    def export_once(network, path):
        weights = ((name, w.numpy().tobytes()) for name, w in network.state_dict().items())
        key = repr(network), *weights
        if key not in GRAPHS:
            export(network, path)
            GRAPHS[key] = path.read_bytes()
        path.write_bytes(GRAPHS[key])

    monkeypatch.setattr(onnx_module, "export", export_once)


@pytest.mark.parametrize(
    "name, settings",
    [
        pytest.param("bert-base", {}, marks=pytest.mark.slow),
        ("bert-base", {**KINDS, "wordpiece_pooling": "first"}),
        ("distilbert", {"word_boundaries": True}),
        ("electra", KINDS),
        ("roberta", {}),
        pytest.param("roberta", KINDS, marks=pytest.mark.slow),
        ("xlm-roberta", {"word_shape": True}),
        pytest.param("deberta", {}, marks=pytest.mark.slow),
        ("deberta", KINDS),
        pytest.param("modernbert", {}, marks=pytest.mark.slow),
        ("modernbert", KINDS),
    ],
)
def test_vectors_and_entities_equal_torch(tmp_path, name, settings):
    nlp = blank_pipeline(make_encoder(tmp_path / "encoder", name), **settings)
    nlp.initialize(lambda: make_examples(nlp))
    encoder = model_of(nlp).shims[0].encoder
    with torch.no_grad():
        for embeddings in (encoder.shape_embeddings, encoder.boundary_embeddings):
            if embeddings is not None:
                embeddings.weight.normal_()
    head = nlp.get_pipe("transformer_ner").model.get_ref("output_layer")
    head.set_param("W", numpy.random.default_rng(0).normal(size=(13, 32)).astype("f"))
    head.set_param("b", numpy.zeros(13, "f"))  # trained
    onnx = other_runtime(nlp, tmp_path / "saved", "onnx")
    numpy.testing.assert_allclose(vectors(onnx), vectors(nlp), atol=1e-4)
    assert found(onnx) == found(nlp) and any(found(nlp))


@pytest.mark.usefixtures("export_once")
def test_int8(trained, tmp_path):
    int8 = other_runtime(trained, tmp_path / "saved", "onnx-int8")
    assert found(int8) == found(trained)
    difference = numpy.abs(vectors(int8) - vectors(trained))
    assert difference.max() > 1e-3 and difference.mean() < 0.05
    # The setting is saved with the pipeline, the graph is not.
    int8.to_disk(tmp_path / "again")
    again = spacy.load(tmp_path / "again")
    for name, weights in model_of(trained).shims[0].encoder.state_dict().items():
        assert torch.equal(model_of(again).shims[0].encoder.state_dict()[name], weights)
    assert model_of(again).shims[0].settings.runtime == "onnx-int8"
    assert model_of(again).shims[0]._copy is None


@pytest.fixture(scope="module")
def onnx(trained, tmp_path_factory):
    """The trained pipeline with onnxruntime. Do not modify it."""
    folder = tmp_path_factory.mktemp("onnx")
    return other_runtime(trained, folder / "saved", "onnx", precision="bf16")


@pytest.mark.usefixtures("export_once")
def test_precision_is_ignored(trained, onnx):
    numpy.testing.assert_allclose(vectors(onnx), vectors(trained), atol=1e-4)


@pytest.mark.usefixtures("export_once")
def test_updates_affect_predictions(trained, tmp_path):
    onnx = other_runtime(trained, tmp_path / "saved", "onnx")
    before = vectors(onnx)
    onnx.update(make_examples(onnx), sgd=create_adamw(1e-3))
    after = vectors(onnx)
    assert numpy.abs(after - before).max() > 0.01
    torch_only = other_runtime(onnx, tmp_path / "updated", "torch")
    numpy.testing.assert_allclose(after, vectors(torch_only), atol=1e-4)


def test_word_dropout_in_training_only(encoders, tmp_path):
    nlp = blank_pipeline(encoders["wordpiece"], word_dropout=0.5, runtime="onnx")
    nlp.initialize(lambda: make_examples(nlp))
    expected = vectors(nlp)
    model_of(nlp).begin_update([nlp.make_doc(text) for text in TEXTS])
    numpy.testing.assert_array_equal(vectors(nlp), expected)


@pytest.mark.usefixtures("export_once")
def test_graph_is_created_once_and_not_copied(onnx):
    expected = vectors(onnx)
    shim = model_of(onnx).shims[0]
    made = shim._copy
    vectors(onnx)
    assert shim._copy is made
    for copied in (shim.copy(), pickle.loads(pickle.dumps(shim))):
        assert copied._copy is None
    numpy.testing.assert_allclose(
        numpy.concatenate(
            model_of(onnx).copy().predict([onnx.make_doc(text) for text in TEXTS]).vectors
        ),
        expected,
        atol=1e-6,
    )


@pytest.mark.slow
def test_fork_after_starting_threads(trained, onnx):
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert found(onnx) == found(trained)
        assert found(onnx, n_process=2, batch_size=3) == found(trained)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.usefixtures("export_once")
def test_replacing_listeners(trained, tmp_path):
    onnx = other_runtime(trained, tmp_path / "saved", "onnx")
    onnx.replace_listeners("transformer", "transformer_ner", ["model.tok2vec"])
    onnx.remove_pipe("transformer")
    assert found(onnx) == found(trained)
    onnx.to_disk(tmp_path / "replaced")
    config = spacy.load(tmp_path / "replaced").config["components"]["transformer_ner"]
    assert config["model"]["tok2vec"]["runtime"] == "onnx"


@pytest.mark.parametrize("name", ["onnx", "onnxscript", "onnxruntime"])
def test_a_missing_package(encoders, monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    blank_pipeline(encoders["wordpiece"], runtime="torch")
    with pytest.raises(InputError, match=rf"{name} is needed.*pip install 'onnx"):
        blank_pipeline(encoders["wordpiece"], runtime="onnx")


def test_encoder_with_data_dependent_control_flow(trained, tmp_path):
    onnx = other_runtime(trained, tmp_path / "saved", "onnx")
    transformer = model_of(onnx).shims[0].encoder.transformer

    def choose(module, args, output):
        return output * 2 if output.sum() > 0 else output

    transformer.get_input_embeddings().register_forward_hook(choose)
    with pytest.raises(InputError, match="BertModel cannot be exported to ONNX"):
        onnx("Oslo")


def test_graph_with_other_outputs(trained, tmp_path):
    onnx = other_runtime(trained, tmp_path / "saved", "onnx")
    transformer = model_of(onnx).shims[0].encoder.transformer
    calls = []

    def count(module, args, output):
        calls.append(None)
        return output + 0.1 * len(calls)

    transformer.encoder.layer[-1].output.register_forward_hook(count)
    with pytest.raises(InputError, match="last_hidden_state would differ"):
        onnx("Oslo")
