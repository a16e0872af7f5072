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
from spacy_transformer_ner.exchange.import_hf import import_pipeline
from spacy_transformer_ner.exchange.tag_schemes import our_rows
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
    """A random token classifier whose outputs are far apart."""
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
        model.classifier.bias[:2] += 3  # O and B-, so that much is legal
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def emissions(nlp, doc):
    """What the recogniser's model gives for the tokens of a Doc."""
    nlp.get_pipe("transformer")(doc)
    return nlp.get_pipe("transformer_ner").model.predict([doc])[0]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_emissions_are_the_checkpoints(name, tmp_path):
    folder = make_checkpoint(tmp_path / "checkpoint", name)
    import_pipeline(str(folder)).to_disk(tmp_path / "pipeline")
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
def test_the_first_word_is_read_as_the_tokenizer_reads_it(prefix_space, tmp_path):
    folder = make_checkpoint(tmp_path / "checkpoint", "roberta", prefix_space=prefix_space)
    nlp = import_pipeline(str(folder))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForTokenClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        logits = model(**tokenizer("Oslo", return_tensors="pt")).logits[0].numpy()
    ours = emissions(nlp, nlp.make_doc("Oslo"))
    numpy.testing.assert_allclose(ours[0, 0], logits[1, 0], atol=1e-5)


@pytest.mark.parametrize("name", ["bert", "distilbert", "electra"])
@pytest.mark.parametrize("seed", [0, 2])
def test_entities_are_the_pipelines_where_those_are_legal(name, seed, tmp_path):
    folder = make_checkpoint(tmp_path / "checkpoint", name, seed=seed)
    nlp = import_pipeline(str(folder))
    theirs = pipeline("token-classification", model=str(folder), aggregation_strategy="first")
    plain = pipeline("token-classification", model=str(folder), aggregation_strategy="none")
    compared = 0
    words = [word.strip(".") for text, _ in SENTENCES for word in text.split()]
    generator = numpy.random.default_rng(seed)
    for _ in range(300):
        text = " ".join(generator.choice(words, size=generator.integers(1, 4)))
        doc = nlp(text)
        firsts = [
            t["entity"] for t in plain(text, ignore_labels=[]) if not t["word"].startswith("##")
        ]
        if not is_legal(firsts):
            continue
        compared += 1
        found = [(e["start"], e["end"], e["entity_group"]) for e in theirs(text)]
        assert [(e.start_char, e.end_char, e.label_) for e in doc.ents] == found
    assert compared > 15


def is_legal(tags):
    """Whether every I- follows a B- or I- of its type. Two entities of one type side by
    side are left out: there transformers joins B- to the one before it in some cases."""
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
        (["POSITIVE", "NEGATIVE"], "no recogniser"),
        (["O", "I-PER", "I-LOC"], "IOB1"),
        (["O", "B-PER", "I-PER", "B-LOC"], "whole for every type"),
    ],
)
def test_other_outputs_are_refused(tags, said):
    with pytest.raises(InputError, match=said):
        our_rows(dict(enumerate(tags)))


def test_spellings():
    labels, rows = our_rows({0: "I_PER", 1: "B_PER", 2: "O"})
    assert labels == ["PER"] and rows.tolist() == [2, 1, 0, 0, 1]
    labels, rows = our_rows(dict(enumerate(["O", "B-A-B", "I-A-B"])))
    assert labels == ["A-B"] and rows.tolist() == [0, 1, 2, 2, 1]


def test_a_head_of_several_layers_is_refused(tmp_path):
    tokenizer = train_tokenizer("wordpiece")
    config = ModernBertConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=64, pad_token_id=0, cls_token_id=1, sep_token_id=2, bos_token_id=1,
        eos_token_id=2, num_labels=5, id2label=dict(enumerate(BIO)), reference_compile=False,
    )  # fmt: skip
    AutoModelForTokenClassification.from_config(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(InputError, match="more above its encoder"):
        import_pipeline(str(tmp_path))


def test_a_long_text_is_not_cut(tmp_path):
    nlp = import_pipeline(str(make_checkpoint(tmp_path / "checkpoint", "bert")))
    doc = nlp("Ann Lee met Marit Solheim in Oslo. " * 60)
    assert max(ent.end for ent in doc.ents) > 400
