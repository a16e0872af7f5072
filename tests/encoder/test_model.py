from types import SimpleNamespace

import numpy
import pytest
import spacy
import torch
from spacy.tokens import Doc
from thinc.api import Adam, Config
from transformers import AutoModel, AutoTokenizer

from spacy_transformer_ner.encoder.model import plan_windows
from spacy_transformer_ner.encoder.network import positions_of
from spacy_transformer_ner.encoder.optimizer import create_adamw
from spacy_transformer_ner.encoder.precision import autocast_dtype
from spacy_transformer_ner.errors import InputError

from ..conftest import FAMILIES, SENTENCES, blank_pipeline, entities, make_examples


def model_of(nlp):
    return nlp.get_pipe("transformer").model


@pytest.fixture(scope="module", params=FAMILIES)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def initialised(encoders, kind):
    nlp = blank_pipeline(encoders[kind])
    nlp.initialize(lambda: make_examples(nlp))
    return nlp


def test_vectors_and_gradients_equal_hugging_face(encoders, kind, initialised):
    """For a short text of words separated by spaces, the vectors equal the hidden states of
    the text, averaged by token."""
    words = ["Ann", "Lee", "met", "Marit", "Solheim", "in", "Oslo"]
    doc = Doc(initialised.vocab, words=words)
    tokenizer = AutoTokenizer.from_pretrained(encoders[kind], add_prefix_space=True)
    reference = AutoModel.from_pretrained(encoders[kind]).train()
    batch = tokenizer(words, is_split_into_words=True, return_tensors="pt")
    hidden = reference(**batch).last_hidden_state[0]
    word_ids = batch.word_ids()
    expected = torch.stack(
        [hidden[[j for j, w in enumerate(word_ids) if w == i]].mean(0) for i in range(len(words))]
    )
    gradient = torch.linspace(-1, 1, expected.numel()).reshape(expected.shape)
    expected.backward(gradient)

    model = model_of(initialised)
    ours, backprop = model.begin_update([doc])
    encoder = model.shims[0].encoder
    encoder.zero_grad()
    backprop(type(ours).from_vectors([gradient.numpy()]))
    numpy.testing.assert_allclose(ours.vectors[0], expected.detach().numpy(), atol=1e-5)
    grads = dict(encoder.transformer.named_parameters())
    for name, parameter in reference.named_parameters():
        if not name.startswith("pooler"):
            torch.testing.assert_close(grads[name].grad, parameter.grad, atol=1e-5, rtol=1e-4)


def test_one_vector_per_token(initialised):
    docs = [initialised.make_doc(t) for t in ("", "Oslo", "\n\n", " a \ufe0f ", "word " * 300)]
    batch = model_of(initialised).predict(docs)
    assert [len(v) for v in batch.vectors] == [len(doc) for doc in docs]
    assert [data.width if len(doc) else 0 for data, doc in zip(batch.doc_data, docs)] == [0] + [
        32
    ] * 4
    assert not batch.vectors[2].any()


def test_only_whitespace(initialised):
    docs = [initialised.make_doc("\n"), initialised.make_doc("")]
    assert [v.shape for v in model_of(initialised).predict(docs).vectors] == [(1, 32), (0, 32)]


def test_vectors_do_not_depend_on_the_batch(initialised):
    docs = [initialised.make_doc(t) for t in ("Oslo", "word " * 100, *(t for t, _ in SENTENCES))]
    together = model_of(initialised).predict(docs).vectors
    for doc, vectors in zip(docs, together):
        alone = model_of(initialised).predict([doc]).vectors[0]
        numpy.testing.assert_allclose(vectors, alone, atol=1e-5)


def test_nothing_is_truncated(initialised):
    """In a text much longer than the window, every word affects its own vector."""
    words = ["word"] * 400
    before = model_of(initialised).predict([Doc(initialised.vocab, words=words)]).vectors[0]
    for i in (0, 70, 199, 399):
        changed = list(words)
        changed[i] = "Oslo"
        doc = Doc(initialised.vocab, words=changed)
        after = model_of(initialised).predict([doc]).vectors[0]
        assert numpy.abs(after[i] - before[i]).max() > 1e-3


@pytest.mark.parametrize("pooling", ["mean", "first"])
@pytest.mark.parametrize("settings", [{}, {"window": 16, "context": 4, "max_batch_items": 1}])
def test_tokens_longer_than_a_window(encoders, kind, pooling, settings):
    nlp = blank_pipeline(encoders[kind], wordpiece_pooling=pooling, **settings)
    nlp.initialize(lambda: make_examples(nlp))
    texts = ["a", "an" * 500, "\n", "b"], [], ["\n"], ["Oslo", "x" * 70, "é" * 20]
    docs = [Doc(nlp.vocab, words=words) for words in texts]
    model = model_of(nlp)
    encoder = model.shims[0].encoder
    pieces = encoder.wordpieces(docs)
    found = torch.empty(len(pieces.ids), 32)
    windows = plan_windows(docs, pieces, model.attrs["settings"])
    for window in windows:
        inputs, positions, places = encoder.inputs(pieces, [window])
        with torch.no_grad():
            hidden = encoder.hidden_states(**{n: torch.from_numpy(a) for n, a in inputs.items()})
        found[positions] = hidden[0, places]
    parts = [p if pooling == "mean" else p[:1] for p in found.split(pieces.token_lengths.tolist())]
    expected = torch.stack([part.mean(0) if len(part) else torch.zeros(32) for part in parts])
    together = model.predict(docs).vectors
    numpy.testing.assert_allclose(numpy.concatenate(together), expected, atol=1e-5)
    assert kind == "wordpiece" or max(pieces.token_lengths) > 64


def test_word_shape_embeddings(encoders):
    plain = blank_pipeline(encoders["wordpiece"])
    shaped = blank_pipeline(encoders["wordpiece"], word_shape=True)
    for nlp in (plain, shaped):
        nlp.initialize(lambda: make_examples(nlp))
    docs = [plain.make_doc("oslo"), plain.make_doc("OSLO")]
    expected = model_of(plain).predict(docs).vectors
    numpy.testing.assert_allclose(model_of(shaped).predict(docs).vectors[0], expected[0], atol=1e-6)
    with torch.no_grad():
        model_of(shaped).shims[0].encoder.shape_embeddings.weight.normal_()
    lower, upper = model_of(shaped).predict(docs).vectors
    assert numpy.abs(lower - upper).max() > 1e-2


def test_vectors_of_first_wordpieces(encoders):
    mean, first = (
        blank_pipeline(encoders["wordpiece"], wordpiece_pooling=how) for how in ("mean", "first")
    )
    for nlp in (mean, first):
        nlp.initialize(lambda: make_examples(nlp))
    words = ["Oslo", "osloann", " ", "in"]
    means, firsts = (
        model_of(nlp).predict([Doc(nlp.vocab, words=words)]).vectors[0] for nlp in (mean, first)
    )
    encoder = model_of(first).shims[0].encoder
    pieces = encoder.wordpieces([Doc(first.vocab, words=words)])
    one = pieces.token_lengths == 1
    numpy.testing.assert_allclose(means[one], firsts[one], atol=1e-6)
    assert numpy.abs(means[1] - firsts[1]).max() > 1e-3 and not firsts[2].any()
    ids = torch.tensor([[*encoder.wordpieces.prefix, *pieces.ids, *encoder.wordpieces.suffix]])
    hidden = encoder.transformer(ids).last_hidden_state[0, 1:].detach().numpy()
    starts = pieces.token_lengths.cumsum() - pieces.token_lengths
    numpy.testing.assert_allclose(firsts[[0, 1, 3]], hidden[starts[[0, 1, 3]]], atol=1e-5)


@pytest.mark.parametrize("word_shape", [False, True])
def test_word_boundary_embeddings(encoders, word_shape):
    plain = blank_pipeline(encoders["wordpiece"])
    nlp = blank_pipeline(encoders["wordpiece"], word_shape=word_shape, word_boundaries=True)
    for each in (plain, nlp):
        each.initialize(lambda: make_examples(each))
    # The same wordpieces, as one token and as three.
    docs = [Doc(nlp.vocab, words=["Al-Ain"]), Doc(nlp.vocab, words=["Al", "-", "Ain"])]
    before = [vectors.mean(axis=0) for vectors in model_of(nlp).predict(docs).vectors]
    expected = model_of(plain).predict(docs[:1]).vectors[0][0]
    numpy.testing.assert_allclose(before[0], expected, atol=1e-6)
    with torch.no_grad():
        model_of(nlp).shims[0].encoder.boundary_embeddings.weight.normal_()
    one, three = (vectors.mean(axis=0) for vectors in model_of(nlp).predict(docs).vectors)
    assert numpy.abs(one - three).max() > 1e-2
    again = blank_pipeline("nowhere", word_shape=word_shape).from_bytes(nlp.to_bytes())
    numpy.testing.assert_array_equal(model_of(again).predict(docs).vectors[0][0], one)


@pytest.mark.parametrize("precision", ["auto", "bf16", "fp16"])
def test_other_precisions(encoders, precision):
    nlp = blank_pipeline(encoders["wordpiece"], precision=precision)
    nlp.initialize(lambda: make_examples(nlp))
    nlp.update(make_examples(nlp), sgd=create_adamw(1e-3))
    vectors = model_of(nlp).predict([nlp.make_doc("Oslo")]).vectors[0]
    assert vectors.dtype == "float32" and numpy.isfinite(vectors).all()


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_updates_in_16_bits_affect_predictions(encoders, precision):
    nlp = blank_pipeline(encoders["wordpiece"], precision=precision)
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    docs = [example.predicted for example in examples]
    before = numpy.concatenate(model_of(nlp).predict(docs).vectors)
    nlp.update(examples, sgd=create_adamw(1e-2))
    after = numpy.concatenate(model_of(nlp).predict(docs).vectors)
    assert numpy.abs(after - before).max() > 0.1
    again = blank_pipeline(encoders["wordpiece"], precision=precision)
    again.initialize(lambda: examples)
    model_of(again).from_bytes(model_of(nlp).to_bytes())
    numpy.testing.assert_array_equal(
        numpy.concatenate(model_of(again).predict(docs).vectors), after
    )


def test_frozen_embeddings_do_not_change(encoders):
    nlp = blank_pipeline(encoders["wordpiece"], freeze_embeddings=True)
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    encoder = model_of(nlp).shims[0].encoder
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    nlp.update(examples, sgd=create_adamw(1e-2))
    moved = {
        name for name, value in encoder.state_dict().items() if not torch.equal(value, before[name])
    }
    assert "transformer.embeddings.word_embeddings.weight" not in moved
    assert "transformer.embeddings.position_embeddings.weight" in moved


def test_encoder_is_updated_while_annotating(encoders):
    # The transformer predicts between its forward and backward pass.
    nlp = blank_pipeline(encoders["wordpiece"])
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    encoder = model_of(nlp).shims[0].encoder
    before = [parameter.clone() for parameter in encoder.parameters()]
    nlp.update(examples, sgd=create_adamw(1e-2), annotates=["transformer"])
    assert not all(map(torch.equal, encoder.parameters(), before))
    assert all(parameter.grad is None for parameter in encoder.parameters())


def test_word_dropout_masks_text_in_training_only(encoders, kind):
    nlp = blank_pipeline(encoders[kind], word_dropout=0.5)
    nlp.initialize(lambda: make_examples(nlp))
    model, seen = model_of(nlp), []
    encoder = model.shims[0].encoder
    encoder.transformer.get_input_embeddings().register_forward_hook(
        lambda module, args, output: seen.append(args[0])
    )
    docs = [nlp.make_doc("Ann Lee met Marit Solheim in Oslo . " * n) for n in (3, 2)]
    model.predict(docs)
    model.begin_update(docs)
    plain, masked = seen
    changed = plain != masked
    pieces = encoder.wordpieces
    assert (masked[changed] == pieces.mask).all()
    specials = torch.tensor([*pieces.prefix, *pieces.suffix])
    assert not changed[torch.isin(plain, specials)].any()
    n_text = sum(map(len, (pieces(docs).ids,)))
    assert 0.2 < changed.sum() / n_text < 0.8
    with pytest.raises(InputError, match="word_dropout"):
        blank_pipeline(encoders[kind], word_dropout=1.0)


def test_steps_too_large_for_fp16_are_skipped(encoders):
    nlp = blank_pipeline(encoders["wordpiece"], precision="fp16")
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    shim = model_of(nlp).shims[0]
    optimizer = create_adamw(1e-3)
    nlp.update(examples, sgd=optimizer)
    shim.scaler.update(2.0**127)  # too large for any gradient
    before = {name: value.clone() for name, value in shim.encoder.state_dict().items()}
    nlp.update(examples, sgd=optimizer)
    assert all(
        torch.equal(value, before[name]) for name, value in shim.encoder.state_dict().items()
    )
    assert shim.scaler.get_scale() < 2.0**127
    shim.scaler.update(1024.0)
    nlp.update(examples, sgd=optimizer)
    after = shim.encoder.state_dict()
    assert any(not torch.equal(value, before[name]) for name, value in after.items())
    with pytest.raises(InputError, match="fp16 needs"):
        nlp.update(examples, sgd=Adam(1e-3))


def gradients(nlp, examples):
    """The encoder's gradients, without dropout."""
    encoder = model_of(nlp).shims[0].encoder
    for module in encoder.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    nlp.update(examples, sgd=None, drop=0.0)
    return {name: p.grad for name, p in encoder.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_checkpointing_keeps_the_gradients(encoders, precision):
    torch.manual_seed(0)
    plain = blank_pipeline(encoders["wordpiece"], precision=precision)
    saving = blank_pipeline(encoders["wordpiece"], precision=precision, gradient_checkpointing=True)
    found = []
    for nlp in (plain, saving):
        examples = make_examples(nlp)
        nlp.initialize(lambda: examples)
        numpy.random.seed(0)
        weights = nlp.get_pipe("transformer_ner").model.get_ref("output_layer").get_param("W")
        weights[:] = numpy.random.default_rng(0).normal(size=weights.shape)
        found.append(gradients(nlp, examples))
    assert found[0].keys() == found[1].keys() and len(found[0]) > 10
    for name, gradient in found[0].items():
        torch.testing.assert_close(found[1][name], gradient)


def test_autocast_dtype():
    cpu = torch.device("cpu")
    assert autocast_dtype("fp32", cpu) is None
    assert autocast_dtype("bf16", cpu) is torch.bfloat16
    assert autocast_dtype("auto", cpu) in (None, torch.bfloat16)


def test_window_larger_than_the_encoder(encoders):
    nlp = blank_pipeline(encoders["wordpiece"], window=500)
    with pytest.raises(InputError, match="at most 128 wordpieces, but the window is 500"):
        nlp.initialize(lambda: make_examples(nlp))


def test_positions_of_roberta_start_after_the_padding(encoders):
    nlp = blank_pipeline(encoders["byte-bpe"])
    nlp.initialize(lambda: make_examples(nlp))
    encoder = model_of(nlp).shims[0].encoder
    assert encoder.max_length == 130 - (encoder.wordpieces.pad + 1) - 2
    nlp = blank_pipeline(encoders["byte-bpe"], window=encoder.max_length)
    nlp.initialize(lambda: make_examples(nlp))
    nlp("word " * 500)


@pytest.mark.parametrize("positions", [-1, 0, None])
def test_encoder_without_position_limit(positions):
    """XLNet's config has -1."""
    unlimited = SimpleNamespace(config=SimpleNamespace(max_position_embeddings=positions))
    assert positions_of(unlimited) > 1_000_000


def test_context_larger_than_a_quarter(encoders):
    with pytest.raises(InputError, match="at most a quarter"):
        blank_pipeline(encoders["wordpiece"], window=64, context=17)


def test_not_initialized(encoders):
    with pytest.raises(InputError, match="no weights yet"):
        blank_pipeline(encoders["wordpiece"])("Oslo")


def test_config_overrides_settings_of_a_saved_pipeline(trained, tmp_path):
    trained.to_disk(tmp_path)
    nlp = spacy.load(tmp_path, config={"components.transformer.model.window": 32})
    assert model_of(nlp).attrs["settings"].window == 32


def test_a_window_too_large_for_a_trained_encoder(trained, tmp_path):
    trained.to_disk(tmp_path)
    nlp = spacy.load(tmp_path, config={"components.transformer.model.window": 500})
    with pytest.raises(InputError, match="at most 128"):
        nlp("Oslo")


def test_saved_pipeline_does_not_need_the_pretrained_encoder(trained, tmp_path):
    trained.to_disk(tmp_path)
    config = Config().from_disk(tmp_path / "config.cfg")
    config["components"]["transformer"]["model"]["name"] = "/nowhere"
    config.to_disk(tmp_path / "config.cfg")
    nlp = spacy.load(tmp_path)
    for text, _ in SENTENCES:
        assert entities(nlp(text)) == entities(trained(text))


def test_saved_weights_are_safetensors(trained, tmp_path):
    import srsly
    from safetensors.torch import load

    parts = srsly.msgpack_loads(model_of(trained).shims[0].to_bytes())
    weights = load(parts["weights"])
    torch.testing.assert_close(
        weights["shape_embeddings.weight"],
        model_of(trained).shims[0].encoder.shape_embeddings.weight.data,
    )
    assert b"PK\x03\x04" not in parts["weights"][:64]  # torch's format


def test_replacing_listeners(trained, tmp_path):
    expected = [entities(trained(text)) for text, _ in SENTENCES]
    trained.to_disk(tmp_path)
    nlp = spacy.load(tmp_path)
    nlp.replace_listeners("transformer", "transformer_ner", ["model.tok2vec"])
    nlp.remove_pipe("transformer")
    assert [entities(nlp(text)) for text, _ in SENTENCES] == expected
    nlp.to_disk(tmp_path / "replaced")
    again = spacy.load(tmp_path / "replaced")
    assert [entities(again(text)) for text, _ in SENTENCES] == expected
    again.update(make_examples(again), sgd=again.create_optimizer())
