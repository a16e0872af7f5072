import json

import numpy
import pytest
import spacy
from spacy.lang.lex_attrs import LEX_ATTRS
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.vocab import Vocab

from spacy_transformer_ner.encoder.optimizer import create_adamw
from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.recogniser import constraints
from spacy_transformer_ner.recogniser.allowed import allowed_tags
from spacy_transformer_ner.recogniser.loss import cross_entropy, gold_tags

from ..conftest import SENTENCES, blank_pipeline, entities, make_examples

HARD_TEXTS = [
    "",
    " ",
    "\n\t\n",
    "😀 Ann Lee 👩‍👩‍👧 in Oslo\ufe0f!",
    "Marit\u00a0Solheim leads\tFjordverk\r\n in  New\nYork .",
    "\u200b\ufeff",
    "Ann Lee met Marit Solheim in Oslo. " * 1500,
    *(text for text, _ in SENTENCES),
]


def test_training(trained):
    assert [entities(trained(text)) for text, _ in SENTENCES] == [ents for _, ents in SENTENCES]


def test_scores_have_spacys_keys(trained):
    scores = trained.evaluate(make_examples(trained))
    assert scores["ents_f"] == scores["ents_p"] == scores["ents_r"] == 1.0
    assert set(scores["ents_per_type"]) == {"PER", "ORG", "LOC"}


def test_long_document_has_ten_thousand_words():
    assert len(spacy.blank("en")(HARD_TEXTS[6])) > 10_000


@pytest.mark.parametrize("text", HARD_TEXTS, ids=range(len(HARD_TEXTS)))
def test_pipe_equals_call(trained, text):
    (piped,) = trained.pipe([text])
    assert entities(piped) == entities(trained(text))


def test_pipe_equals_call_in_one_batch(trained):
    for doc, text in zip(trained.pipe(HARD_TEXTS, batch_size=100), HARD_TEXTS):
        assert entities(doc) == entities(trained(text))


@pytest.mark.slow
def test_several_processes(trained):
    texts = [text for text in HARD_TEXTS if len(text) < 1000]
    trained(texts[-1])
    piped = trained.pipe(texts, n_process=2, batch_size=3)
    assert [entities(doc) for doc in piped] == [entities(trained(text)) for text in texts]


@pytest.mark.parametrize("way", ["disk", "bytes"])
def test_round_trip(trained, tmp_path, way):
    if way == "disk":
        trained.to_disk(tmp_path)
        nlp = spacy.load(tmp_path)
    else:
        nlp = blank_pipeline("nowhere", word_shape=True).from_bytes(trained.to_bytes())
    assert nlp.get_pipe("transformer_ner").labels == ("LOC", "ORG", "PER")
    for text in HARD_TEXTS:
        assert entities(nlp(text)) == entities(trained(text))
    numpy.testing.assert_array_equal(
        *[
            n.get_pipe("transformer_ner").model.predict([d])[0]
            for n in (nlp, trained)
            for d in [n.get_pipe("transformer")(n.make_doc("Ann Lee in Oslo"))]
        ]
    )


def test_labels_that_the_vocabulary_does_not_know(trained, tmp_path):
    """Load without the vocabulary, into a new pipeline, or predict a Doc of another one."""
    trained.to_disk(tmp_path)
    fresh = blank_pipeline("nowhere", word_shape=True)
    for nlp in (
        spacy.load(tmp_path, exclude=["vocab"]),
        fresh.from_disk(tmp_path, exclude=["vocab"]),
        blank_pipeline("nowhere", word_shape=True).from_bytes(
            trained.to_bytes(exclude=["vocab"]), exclude=["vocab"]
        ),
    ):
        assert "PER" in nlp.vocab.strings
        assert entities(nlp(SENTENCES[0][0])) == SENTENCES[0][1]
    other = spacy.blank("en")
    foreign = other.make_doc(SENTENCES[0][0])
    assert "PER" not in other.vocab.strings
    own = trained.make_doc(SENTENCES[1][0])
    for doc, (_, ents) in zip(trained.pipe([foreign, own]), SENTENCES):
        assert entities(doc) == ents and all(ent._.score for ent in doc.ents)


@pytest.mark.parametrize(
    "labels, message",
    [
        (["LOC", "ORG"], "2 labels need 9 tags, the model has 13"),
        (["LOC", "ORG", "LOC"], "have a duplicate"),
        (["LOC", "ORG", 3], "not a list of names"),
        ("LOC", "not a list of names"),
    ],
)
def test_saved_labels_that_do_not_match_the_model(trained, tmp_path, labels, message):
    trained.to_disk(tmp_path)
    cfg = tmp_path / "transformer_ner" / "cfg"
    cfg.write_text(json.dumps({**json.loads(cfg.read_text()), "labels": labels}))
    with pytest.raises(InputError, match=message):
        spacy.load(tmp_path)
    nlp = blank_pipeline("nowhere", word_shape=True).from_bytes(trained.to_bytes())
    nlp.get_pipe("transformer_ner").cfg["labels"] = labels
    with pytest.raises(InputError, match=message):
        nlp("Oslo")


@pytest.mark.parametrize("kind", ["wordpiece", "byte-bpe", "unigram"])
def test_untrained_model_predicts_nothing_and_has_gradients(encoders, kind):
    nlp = blank_pipeline(encoders[kind])
    nlp.get_pipe("transformer_ner").add_label("CITY")
    nlp.initialize(lambda: make_examples(nlp))
    nlp.get_pipe("transformer_ner").add_label("LATER")
    for doc in nlp.pipe(HARD_TEXTS[:6] + [text for text, _ in SENTENCES]):
        assert not doc.ents and all(token.ent_iob_ == "O" for token in doc)
    nlp.update(make_examples(nlp), sgd=False)
    encoder = nlp.get_pipe("transformer").model.shims[0].encoder
    assert all(p.grad.any() for n, p in encoder.named_parameters() if "query.weight" in n)


def test_select_pipes(trained):
    with trained.select_pipes(disable="transformer_ner"):
        assert trained(SENTENCES[0][0]).ents == ()
    assert trained(SENTENCES[0][0]).ents


def test_sourced_into_another_pipeline(trained):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("transformer", source=trained)
    nlp.add_pipe("transformer_ner", source=trained)
    for text, ents in SENTENCES:
        assert entities(nlp(text)) == ents


def test_without_its_transformer(trained, tmp_path):
    """A listener alone would use zeros as vectors and predict no entities."""
    trained.to_disk(tmp_path)
    nlp = spacy.blank("en")
    nlp.add_pipe("transformer_ner", source=spacy.load(tmp_path))
    with pytest.raises(InputError, match="none has run before it"):
        nlp("Ann Lee in Oslo")
    with trained.select_pipes(disable="transformer"), pytest.raises(InputError, match="replace"):
        list(trained.pipe(["Ann Lee in Oslo"]))
    source = spacy.load(tmp_path)
    source.replace_listeners("transformer", "transformer_ner", ["model.tok2vec"])
    nlp = spacy.blank("en")
    nlp.add_pipe("transformer_ner", source=source)
    assert entities(nlp(SENTENCES[0][0])) == SENTENCES[0][1] and not nlp("").ents


def test_entity_ruler_before(trained, tmp_path):
    trained.to_disk(tmp_path)
    nlp = spacy.load(tmp_path)
    ruler = nlp.add_pipe("entity_ruler", before="transformer_ner")
    ruler.add_patterns(
        [{"label": "CITY", "pattern": "Oslo", "id": "o"}, {"label": "VERB", "pattern": "Lee in"}]
    )
    doc = nlp("Marit Solheim leads Fjordverk in Oslo.")
    assert entities(doc) == [(0, 13, "PER"), (20, 29, "ORG"), (33, 37, "CITY")]
    assert doc.ents[-1].ent_id_ == "o"
    # Predicted entities do not overlap existing ones.
    doc = nlp("Fjordverk hired Ann Lee in New York.")
    assert (20, 26, "VERB") in entities(doc)
    assert all(token.ent_iob for token in doc)


def test_entity_ruler_after(trained, tmp_path):
    trained.to_disk(tmp_path)
    nlp = spacy.load(tmp_path)
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "RAIN", "pattern": "rained"}])
    assert entities(nlp(SENTENCES[2][0])) == [(3, 9, "RAIN"), *SENTENCES[2][1]]


def test_blocked_tokens_stay_blocked(trained):
    doc = trained.make_doc("It rained in Oslo and in New York.")
    doc.set_ents([], blocked=[doc[3:4]], default="unmodified")
    doc = trained(doc)
    assert entities(doc) == [(25, 33, "LOC")]
    assert doc[3].ent_iob_ == "B" and doc[3].ent_type_ == ""


def test_no_entity_starts_or_ends_with_whitespace_or_crosses_sentences():
    vocab = spacy.blank("en").vocab
    doc = Doc(vocab, words=["a", "\n", "b", "c"], sent_starts=[True, False, False, True])
    allowed = allowed_tags([doc], 1)
    O, B, I, L, U = range(5)
    assert [sorted(numpy.flatnonzero(row).tolist()) for row in allowed] == [
        [O, B, I, L, U],
        [O, I],
        [O, L, U],
        [O, B, U],
    ]
    assert allowed_tags([Doc(vocab, words=["a", "b"])], 1) is None


@pytest.mark.parametrize(
    "invisible", ["\u200b", "\ufeff", "\ufe0f", "\u2060\u200b", "\x00", " \xad"[1:]]
)
def test_invisible_tokens_count_as_whitespace(invisible):
    vocab = spacy.blank("en").vocab
    assert not vocab[invisible].is_space
    docs = [Doc(vocab, words=["a"]), Doc(vocab, words=["a", invisible, "\u200bb", "c"])]
    O, B, I, L, U = range(5)
    allowed = [numpy.flatnonzero(row).tolist() for row in allowed_tags(docs, 1)]
    assert allowed == [[O, B, I, L, U]] * 2 + [[O, I]] + [[O, B, I, L, U]] * 2
    # A Doc of a batch may have its own vocabulary.
    alone = Doc(Vocab(lex_attr_getters=LEX_ATTRS), words=["b", invisible])
    rows = allowed_tags([*docs, alone], 1)
    assert rows[[2, 6]].sum(axis=1).tolist() == [2, 2] and rows[5].all()


def test_missing_annotation_has_no_gradient(encoders):
    nlp = blank_pipeline(encoders["wordpiece"])
    nlp.initialize(lambda: make_examples(nlp))
    ner = nlp.get_pipe("transformer_ner")
    reference = nlp.make_doc("Ann Lee in Oslo")
    reference.set_ents([Span(reference, 0, 2, "PER")], missing=[reference[3:4]], default="outside")
    example = Example(nlp.make_doc("Ann Lee in Oslo"), reference)
    scores = [numpy.ones((4, constraints.n_tags(3)), dtype="float32")]
    _, (gradient,) = ner.get_loss([example], scores)
    assert gradient[:3].any(axis=1).all() and not gradient[3].any()
    nothing = Example(nlp.make_doc("Ann Lee"), nlp.make_doc("Ann Lee"))
    loss, (gradient,) = ner.get_loss([nothing], [scores[0][:2]])
    assert loss == 0.0 and not gradient.any()


def test_loss_of_a_batch(encoders):
    nlp = blank_pipeline(encoders["wordpiece"])
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    ner = nlp.get_pipe("transformer_ner")
    rng = numpy.random.default_rng(0)
    scores = [rng.normal(size=(len(e.x), 13)).astype("float32") for e in examples]
    gold = [ner.tag_names.index(tag) for e in examples for tag in e.get_aligned_ner()]
    loss, gradients = ner.get_loss(examples, scores)
    expected, gradient = cross_entropy(numpy.concatenate(scores), numpy.array(gold))
    assert loss == expected and [len(g) for g in gradients] == [len(s) for s in scores]
    numpy.testing.assert_array_equal(numpy.concatenate(gradients), gradient)


def test_misaligned_gold_is_ignored(encoders):
    nlp = blank_pipeline(encoders["wordpiece"])
    nlp.initialize(lambda: make_examples(nlp))
    reference = Doc(nlp.vocab, words=["Oslo", "town", "is"], spaces=[False, True, False])
    reference.set_ents([Span(reference, 0, 1, "LOC")])
    example = Example(nlp.make_doc("Oslotown is"), reference)
    assert gold_tags(
        example, nlp.get_pipe("transformer_ner").labels, "transformer_ner"
    ).tolist() == [-1, 0]


def test_unknown_label_in_training(encoders):
    nlp = blank_pipeline(encoders["wordpiece"])
    nlp.initialize(lambda: make_examples(nlp))
    example = Example.from_dict(nlp.make_doc("Oslo"), {"entities": [(0, 4, "CITY")]})
    with pytest.raises(InputError, match="U-CITY"):
        nlp.update([example])


def test_no_labels(encoders):
    nlp = blank_pipeline(encoders["wordpiece"])
    example = Example.from_dict(nlp.make_doc("Oslo"), {"entities": []})
    with pytest.raises(ValueError, match="E143"):
        nlp.initialize(lambda: [example])


def test_add_label_keeps_weights(trained, tmp_path):
    trained.to_disk(tmp_path)
    nlp = spacy.load(tmp_path)
    ner = nlp.get_pipe("transformer_ner")
    assert ner.add_label("CITY") == 1 and ner.add_label("CITY") == 0
    before = trained.get_pipe("transformer_ner").model.get_ref("output_layer")
    after = ner.model.get_ref("output_layer")
    assert after.get_dim("nO") == before.get_dim("nO") + 4
    numpy.testing.assert_array_equal(after.get_param("W")[:13], before.get_param("W"))
    example = Example.from_dict(nlp.make_doc("Oslo"), {"entities": [(0, 4, "CITY")]})
    nlp.update([example], sgd=create_adamw(1e-3))
    nlp.to_disk(tmp_path / "more")
    again = spacy.load(tmp_path / "more")
    assert again.get_pipe("transformer_ner").labels == ("LOC", "ORG", "PER", "CITY")
    assert entities(again("Ann Lee")) == entities(nlp("Ann Lee"))


def test_labels_from_config(encoders):
    nlp = blank_pipeline(encoders["wordpiece"])
    nlp.config["initialize"]["components"] = {"transformer_ner": {"labels": ["PER", "LOC", "ORG"]}}
    nlp.initialize(lambda: make_examples(nlp))
    assert nlp.get_pipe("transformer_ner").labels == ("PER", "LOC", "ORG")


def test_an_update_changes_the_encoder(encoders):
    nlp = blank_pipeline(encoders["wordpiece"])
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    encoder = nlp.get_pipe("transformer").model.shims[0].encoder
    before = encoder.transformer.get_input_embeddings().weight.clone()
    nlp.update(examples, sgd=create_adamw(1e-3))
    assert not encoder.transformer.get_input_embeddings().weight.equal(before)


def test_empty_docs_in_training(encoders):
    nlp = blank_pipeline(encoders["wordpiece"])
    nlp.initialize(lambda: make_examples(nlp))
    empty = Example.from_dict(nlp.make_doc(""), {})
    blank = Example.from_dict(nlp.make_doc("\n"), {"entities": []})
    for batch in ([empty], [empty, *make_examples(nlp), blank], [blank]):
        losses = nlp.update(batch, sgd=create_adamw(1e-3))
        assert numpy.isfinite(losses["transformer_ner"])


def test_gradients_accumulate(encoders):
    """`accumulate_gradient`: one optimizer step after several calls."""
    nlp = blank_pipeline(encoders["wordpiece"])
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    encoder = nlp.get_pipe("transformer").model.shims[0].encoder
    for part in (examples[:2], examples[2:]):
        nlp.update(part, sgd=False)
    weight = encoder.transformer.get_input_embeddings().weight
    assert weight.grad.any()
    optimizer = create_adamw(1e-3)
    before = weight.clone()
    for _, pipe in nlp.pipeline:
        pipe.finish_update(optimizer)
    assert not weight.equal(before) and weight.grad is None


def test_other_components_can_share_the_encoder(encoders):
    nlp = blank_pipeline(encoders["wordpiece"])
    nlp.add_pipe(
        "tagger",
        config={
            "model": {
                "@architectures": "spacy.Tagger.v2",
                "tok2vec": {
                    "@architectures": "spacy-transformers.TransformerListener.v1",
                    "grad_factor": 1.0,
                    "pooling": {"@layers": "reduce_mean.v1"},
                },
            }
        },
    )
    examples = make_examples(nlp)
    for example in examples:
        for token in example.reference:
            token.tag_ = "UP" if token.text[0].isupper() else "LOW"
    nlp.initialize(lambda: examples)
    optimizer = create_adamw(3e-3, head_factor=3.0)
    for _ in range(60):
        losses = nlp.update(examples, sgd=optimizer, drop=0.0)
    assert losses["tagger"] < 5 and losses["transformer_ner"] < 0.1
    doc = nlp(SENTENCES[0][0])
    assert doc[0].tag_ == "UP" and entities(doc) == SENTENCES[0][1]
