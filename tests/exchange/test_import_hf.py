import numpy
import pytest
import spacy
import torch
from spacy.tokens import Doc
from transformers import (
    AutoModelForTokenClassification,
    AutoTokenizer,
    BertConfig,
    DebertaV2Config,
    DistilBertConfig,
    ElectraConfig,
    ModernBertConfig,
    PreTrainedTokenizerFast,
    RobertaConfig,
    XLMRobertaConfig,
    pipeline,
)

from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.exchange.export_hf import export_pipeline
from spacy_transformer_ner.exchange.export_onnx import export_onnx
from spacy_transformer_ner.exchange.import_hf import import_pipeline
from spacy_transformer_ner.exchange.tag_schemes import find_scheme, read_outputs
from spacy_transformer_ner.recogniser.constraints import tag_names

from ..conftest import SENTENCES, SHAPE, train_tokenizer

BIO = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
BIOES = ["O", *(f"{prefix}-{label}" for label in ("PER", "LOC") for prefix in "BIES")]
DISTIL = {
    "dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64, "max_position_embeddings": 130,
}  # fmt: skip
ARCHITECTURES = {
    "bert": (BertConfig, "wordpiece", SHAPE),
    "distilbert": (DistilBertConfig, "wordpiece", DISTIL),
    "electra": (ElectraConfig, "wordpiece", {**SHAPE, "embedding_size": 16}),
    "roberta": (RobertaConfig, "byte-bpe", SHAPE),
    "xlm-roberta": (XLMRobertaConfig, "unigram", SHAPE),
    "deberta-v3": (
        DebertaV2Config,
        "unigram",
        {
            **SHAPE,
            "relative_attention": True,
            "pos_att_type": ["p2c", "c2p"],
            "position_buckets": 16,
        },
    ),
}


def make_checkpoint(folder, name, tags=BIO, seed=0, prefix_space=True):
    """A random token classifier with large weights, so that its scores differ clearly."""
    config_class, family, shape = ARCHITECTURES[name]
    torch.manual_seed(seed)
    tokenizer = train_tokenizer(family)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer.backend_tokenizer,
        model_max_length=128,
        model_input_names=["input_ids", "attention_mask"],
        add_prefix_space=prefix_space,
        **tokenizer.special_tokens_map,
    )
    config = config_class(
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        num_labels=len(tags),
        id2label=dict(enumerate(tags)),
        label2id={tag: i for i, tag in enumerate(tags)},
        **shape,
    )
    model = AutoModelForTokenClassification.from_config(config)
    with torch.no_grad():
        model.classifier.weight.normal_()
        model.classifier.bias.normal_()
        model.classifier.bias[:2] += 3  # O and B-, so that most tag sequences are valid
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def emissions(nlp, doc):
    """The output of the recogniser's model for the tokens of a Doc."""
    nlp.get_pipe("transformer")(doc)
    return nlp.get_pipe("transformer_ner").model.predict([doc])[0]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_emissions_equal_the_checkpoints(name, tmp_path):
    folder = make_checkpoint(tmp_path / "checkpoint", name)
    import_pipeline(str(folder), scheme="bio").to_disk(tmp_path / "pipeline")
    nlp = spacy.load(tmp_path / "pipeline")
    assert nlp.get_pipe("transformer_ner").labels == ("LOC", "PER")
    tokenizer = AutoTokenizer.from_pretrained(folder, add_prefix_space=True)
    model = AutoModelForTokenClassification.from_pretrained(folder).eval()
    for text, _ in SENTENCES:
        words = text.split(" ")
        batch = tokenizer(words, is_split_into_words=True, return_tensors="pt")
        with torch.no_grad():
            logits = model(**batch).logits[0].numpy()
        ids = batch.word_ids()
        firsts = [ids.index(i) for i in range(len(words))]
        ours = emissions(nlp, Doc(nlp.vocab, words=words))
        columns = {tag: i for i, tag in enumerate(tag_names(("LOC", "PER")))}
        for tag, theirs in (
            ("O", "O"), ("B-PER", "B-PER"), ("U-PER", "B-PER"), ("I-LOC", "I-LOC"), ("L-LOC", "I-LOC"),
        ):  # fmt: skip
            numpy.testing.assert_allclose(
                ours[:, columns[tag]], logits[firsts, BIO.index(theirs)], atol=1e-5
            )


@pytest.mark.parametrize("prefix_space", [True, False])
def test_leading_space_of_the_first_word(prefix_space, tmp_path):
    folder = make_checkpoint(tmp_path / "checkpoint", "roberta", prefix_space=prefix_space)
    nlp = import_pipeline(str(folder), scheme="bio")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForTokenClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        logits = model(**tokenizer("Oslo", return_tensors="pt")).logits[0].numpy()
    ours = emissions(nlp, nlp.make_doc("Oslo"))
    numpy.testing.assert_allclose(ours[0, 0], logits[1, 0], atol=1e-5)


@pytest.mark.parametrize("name", ["bert", "distilbert", "electra"])
@pytest.mark.parametrize("seed", [0, 2])
def test_entities_equal_transformers_if_valid(name, seed, tmp_path):
    folder = make_checkpoint(tmp_path / "checkpoint", name, seed=seed)
    nlp = import_pipeline(str(folder), scheme="bio")
    theirs = pipeline("token-classification", model=str(folder), aggregation_strategy="first")
    plain = pipeline("token-classification", model=str(folder), aggregation_strategy="none")
    words = [word.strip(".") for text, _ in SENTENCES for word in text.split()]
    generator = numpy.random.default_rng(seed)
    texts = [" ".join(generator.choice(words, size=generator.integers(1, 4))) for _ in range(300)]
    legal = [
        text
        for text, tags in zip(texts, plain(texts, ignore_labels=[], batch_size=50))
        if is_legal([t["entity"] for t in tags if not t["word"].startswith("##")])
    ]
    for doc, ents in zip(nlp.pipe(legal), theirs(legal, batch_size=50), strict=True):
        found = [(e["start"], e["end"], e["entity_group"]) for e in ents]
        assert [(e.start_char, e.end_char, e.label_) for e in doc.ents] == found
    assert len(legal) > 15


def is_legal(tags):
    """Whether every I- follows a B- or I- of its type. Adjacent entities of one type are
    excluded, as transformers merges them in some cases."""
    before = "O"
    for tag in tags:
        if tag.startswith("I-") and before[1:] != tag[1:]:
            return False
        before = tag
    return True


def test_bioes(tmp_path):
    folder = make_checkpoint(tmp_path / "checkpoint", "bert", BIOES)
    nlp = import_pipeline(str(folder))
    model = AutoModelForTokenClassification.from_pretrained(folder)
    linear = nlp.get_pipe("transformer_ner").model.get_ref("output_layer")
    weights = model.classifier.weight.detach().numpy()
    for row, tag in zip(linear.get_param("W"), tag_names(("LOC", "PER"))):
        theirs = tag.replace("L-", "E-") if tag[0] == "L" else tag.replace("U-", "S-")
        numpy.testing.assert_array_equal(row, weights[BIOES.index(theirs)])


@pytest.mark.parametrize(
    "tags, said",
    [
        (["LABEL_0", "LABEL_1"], "id2label"),
        (["0", "1", "2"], "id2label"),
        (["POSITIVE", "NEGATIVE"], "not entity tags"),
        (["O", "PER", "LOC"], "not entity tags"),
        (["O", "B-PER", "I-PER", "B-LOC"], "complete for every type"),
        (["O", "B-PER", "I-PER", "I-PER"], "outputs with the same name"),
    ],
)
def test_invalid_outputs_raise_error(tags, said):
    with pytest.raises(InputError, match=said):
        read_outputs(dict(enumerate(tags)))


def test_outputs_must_be_numbered_from_0():
    with pytest.raises(InputError, match="counted from 0"):
        read_outputs({0: "O", 1: "B-PER", 5: "I-PER"})


def test_spellings():
    outputs = read_outputs({0: "I_PER", 1: "B_PER", 2: "O"})
    assert outputs.labels == ["PER"] and outputs.rows.tolist() == [2, 1, 0, 0, 1]
    outputs = read_outputs(dict(enumerate(["O", "B-A-B", "I-A-B"])))
    assert outputs.labels == ["A-B"] and outputs.rows.tolist() == [0, 1, 2, 2, 1]


def test_scheme_from_names():
    def scheme(tags, given=None):
        return read_outputs(dict(enumerate(tags)), given).scheme

    assert scheme(BIO) is None and scheme(BIO, "iob1") == "iob1" and scheme(BIOES) == "bio"
    # No adjacent entities of one type in training, so no B-.
    assert scheme(["O", "I-LOC", "I-PER"]) == scheme(["O", "I-LOC", "B-PER", "I-PER"]) == "iob1"
    for tags, given in ((["O", "I-LOC"], "bio"), (BIOES, "iob1")):
        with pytest.raises(InputError, match=f"not {given.upper()}"):
            scheme(tags, given)


def test_scheme_from_entity_starts():
    found = [find_scheme({"B": n, "I": 20 - n}) for n in range(21)]
    assert found == ["iob1"] * 5 + [None] * 11 + ["bio"] * 5
    assert find_scheme({"B": 4, "I": 0}) is None


def starting_with(folder, prefix, tags=BIO):
    """A checkpoint whose entities always start with the given prefix."""
    make_checkpoint(folder, "bert", tags)
    model = AutoModelForTokenClassification.from_pretrained(folder)
    with torch.no_grad():
        for number, tag in enumerate(tags):
            model.classifier.bias[number] += 3.0 if tag[0] == "B" else 0.0
            if tag[0] not in (prefix, "O"):
                model.classifier.weight[number] = model.classifier.weight[
                    tags.index(prefix + tag[1:])
                ]
                model.classifier.bias[number] = -9.0
    model.save_pretrained(folder)
    return folder


def iob1_entities(tags):
    """Read tags as IOB1. RETURNS (list): Start token, end token (exclusive), type."""
    found = []
    for i, tag in enumerate(tags):
        continues = tag[0] == "I" and i > 0 and tags[i - 1][1:] == tag[1:]
        if continues:
            found[-1][1] = i + 1
        elif tag != "O":
            found.append([i, i + 1, tag[2:]])
    return found


@pytest.mark.parametrize("prefix, scheme", [("B", "bio"), ("I", "iob1")])
def test_scheme_is_detected(prefix, scheme, tmp_path):
    folder = starting_with(tmp_path / "checkpoint", prefix)
    detected, given = (import_pipeline(str(folder), scheme=name) for name in (None, scheme))
    assert detected.config["components"] == given.config["components"]
    assert detected.config["components"]["transformer_ner"]["model"]["iob1"] == (scheme == "iob1")


def test_undetectable_scheme_raises_error(tmp_path):
    folder = make_checkpoint(tmp_path / "checkpoint", "bert")
    model = AutoModelForTokenClassification.from_pretrained(folder)
    with torch.no_grad():
        model.classifier.bias[0] = 99.0  # the checkpoint finds no entities
    model.save_pretrained(folder)
    with pytest.raises(InputError, match="--scheme iob1"):
        import_pipeline(str(folder))


@pytest.mark.parametrize("seed, tags", [(0, BIO), (1, ["O", "I-PER", "B-LOC", "I-LOC"])])
def test_iob1_entities_equal_the_best_tags(seed, tags, tmp_path):
    folder = make_checkpoint(tmp_path / "checkpoint", "bert", tags, seed=seed)
    import_pipeline(str(folder), scheme="iob1").to_disk(tmp_path / "pipeline")
    nlp = spacy.load(tmp_path / "pipeline")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForTokenClassification.from_pretrained(folder).eval()
    words = [word.strip(".") for text, _ in SENTENCES for word in text.split()]
    generator = numpy.random.default_rng(seed)
    several = 0
    for _ in range(100):
        text = generator.choice(words, size=generator.integers(1, 7)).tolist()
        batch = tokenizer(text, is_split_into_words=True, return_tensors="pt")
        with torch.no_grad():
            best = model(**batch).logits[0].argmax(-1).tolist()
        ids = batch.word_ids()
        expected = iob1_entities([tags[best[ids.index(i)]] for i in range(len(text))])
        doc = nlp(Doc(nlp.vocab, words=text))
        assert [[ent.start, ent.end, ent.label_] for ent in doc.ents] == expected
        several += any(end - start > 1 for start, end, _ in expected)
    assert several > 15


def test_head_of_several_layers_raises_error(tmp_path):
    tokenizer = train_tokenizer("wordpiece")
    config = ModernBertConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=64, pad_token_id=0, cls_token_id=1, sep_token_id=2, bos_token_id=1,
        eos_token_id=2, num_labels=5, id2label=dict(enumerate(BIO)), reference_compile=False,
    )  # fmt: skip
    AutoModelForTokenClassification.from_config(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(InputError, match="a head of several layers"):
        import_pipeline(str(tmp_path))


def test_long_text_is_not_truncated(tmp_path):
    nlp = import_pipeline(str(make_checkpoint(tmp_path / "checkpoint", "bert")), scheme="bio")
    doc = nlp("Ann Lee met Marit Solheim in Oslo. " * 60)
    assert max(ent.end for ent in doc.ents) > 400


def test_iob1_round_trip(tmp_path):
    folder = starting_with(tmp_path / "checkpoint", "I")
    nlp = import_pipeline(str(folder))
    assert export_pipeline(nlp, tmp_path / "exported").is_exact
    before, after = (
        AutoModelForTokenClassification.from_pretrained(path)
        for path in (folder, tmp_path / "exported")
    )
    for tag in BIO:
        rows = (model.classifier.weight[model.config.label2id[tag]] for model in (before, after))
        assert torch.equal(*rows)
    with pytest.raises(InputError, match="IOB1"):
        export_onnx(nlp, tmp_path / "graph")
    assert not (tmp_path / "graph").exists()
