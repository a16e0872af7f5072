import json

import pytest
import spacy
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from spacy_transformer_ner.checks.check import check
from spacy_transformer_ner.corpus.convert import convert
from spacy_transformer_ner.corpus.options import ReadOptions
from spacy_transformer_ner.errors import InputError

from ..conftest import SAMPLE


def corpus(tmp_path, **splits):
    for split, text in splits.items():
        (tmp_path / f"{split}.conll").write_text(text)
    convert([tmp_path], tmp_path)
    return tmp_path


def checked(tmp_path, **splits):
    report = check(corpus(tmp_path, **splits))
    json.dumps(report.to_dict())
    return {finding.kind: finding for finding in report.findings}


def rows(text):
    """Convert text like "Ann/PER left | It rained" to columns. A bar ends a sentence."""
    lines = []
    for word in text.split():
        token, _, label = word.partition("/")
        lines.append("" if token == "|" else f"{token} {f'B-{label}' if label else 'O'}")
    return "\n".join(lines) + "\n\n"


def test_sample(tmp_path):
    convert([SAMPLE], tmp_path)
    report = check(tmp_path, encoder=None)
    suspects = list(report.suspects)
    assert report.count("error") == report.count("warning") == 0
    train = report.splits["train"]
    assert train.labels == {"LOC": 267, "MISC": 118, "ORG": 148, "PER": 151}
    assert train.entities == sum(train.entity_lengths.values()) == 684
    assert report.to_dict()["splits"]["dev"]["documents"] == 13
    assert all(suspect.place.startswith(str(SAMPLE)) for suspect in suspects)


def test_no_entities_is_an_error(tmp_path):
    found = checked(tmp_path, train="a O\n", dev="b I-X\n")
    assert found["no-entities"].severity == "error"
    assert found["no-entities"].message == "train has no entities"


def test_labels(tmp_path):
    found = checked(tmp_path, train="a I-X\n\nb I-Y\n", dev="b I-Z\n", test="c I-x\n")
    assert found["label-not-in-train"].message in (
        "dev has labels that are not in train: Z (1)",
        "test has labels that are not in train: x (1)",
    )
    assert (
        found["label-not-in-train"].examples[0].endswith(("dev.conll:1: [b]", "test.conll:1: [c]"))
    )
    assert "fewer than 20 entities in train: X (1), Y (1)" in found["rare-label"].message
    assert "X, x" in found["labels-alike"].message
    assert "no entities with these labels of train" in found["label-only-in-train"].message


def test_duplicates(tmp_path):
    a, b = rows("Ann/X saw it rain ."), rows("it rained all day .")
    found = checked(tmp_path, train=a + b + b + rows("- -") * 9, dev=a + rows("- -"))
    across = found["duplicate-across"]
    assert across.severity == "warning"
    message = "1 document of dev (50.0%) is a duplicate of a document of train"
    assert across.message == message
    assert across.examples == (
        f"{tmp_path}/dev.conll:1: same as {tmp_path}/train.conll:1: Ann saw it rain.",
    )
    assert "1 document of train (8.3%)" in found["duplicate"].message
    assert found["duplicate"].examples[0].startswith(f"{tmp_path}/train.conll:13: ")


def test_near_duplicates(tmp_path):
    words = [f"w{i}" for i in range(60)]
    other = [*words[:59], "changed"]
    unlike = [f"v{i}" for i in range(60)]
    found = checked(
        tmp_path,
        train=rows("Ann/X " + " ".join(words)),
        dev=rows("Ann/X " + " ".join(other)) + rows("Lee/X " + " ".join(unlike)),
    )
    message = "1 document of dev (50.0%) is a near-duplicate"
    assert message in found["near-duplicate-across"].message
    assert f"{tmp_path}/dev.conll:1: 9" in found["near-duplicate-across"].examples[0]
    assert "duplicate-across" not in found


def test_the_same_sentence_with_different_entities(tmp_path):
    found = checked(
        tmp_path,
        train=rows("He saw Ann/PER on Monday ."),
        dev=rows("He saw Ann on Monday ."),
    )
    example = found["sentence-conflict"].examples[0]
    assert "train.conll:1 (Ann PER)" in example and "dev.conll:1 (none)" in example


def test_inconsistent_labels(tmp_path):
    train = rows(" | ".join(["in Oslo/LOC"] * 8 + ["for Oslo/ORG", "near Oslo", "OSLO/ORG"]))
    found = checked(tmp_path, train=train, dev="b I-LOC\n")
    conflict = found["label-conflict"].examples
    assert conflict == (
        f"{tmp_path}/train.conll:26: ORG, but LOC in 8 of 11: for [Oslo]",
        f"{tmp_path}/train.conll:31: ORG, but LOC in 8 of 11: [OSLO]",
    )
    left_out = found["left-out"].examples
    assert left_out == (f"{tmp_path}/train.conll:29: none, but LOC in 8 of 11: near [Oslo]",)
    assert found["ambiguous"].examples == ("Oslo: LOC 8, ORG 2, none 1",)


def test_words_that_are_rarely_entities(tmp_path):
    train = rows(" | ".join(["the man"] * 5 + ["the/X man"]))
    found = checked(tmp_path, train=train, dev="b I-X\n")
    assert (
        found["odd-one-out"]
        .examples[0]
        .endswith("train.conll:16: X, but none in 5 of 6: [the] man")
    )


def test_parts_of_entities_are_not_left_out(tmp_path):
    train = rows(" | ".join(["Oslo/LOC"] * 5)) + "Bank I-ORG\nof I-ORG\nOslo I-ORG\n"
    assert "left-out" not in checked(tmp_path, train=train, dev="b I-LOC\n")


def test_entities_that_do_not_match_the_tokenizer(tmp_path):
    found = checked(tmp_path, train="Oslo I-LOC\n", dev="U.S I-LOC\n. O\n")
    assert "1 entity of dev (100.00%) does not" in found["tokeniser-boundary"].message
    assert found["tokeniser-boundary"].examples == (f"{tmp_path}/dev.conll:1: [U.S].",)


@pytest.mark.parametrize(
    "entity, kind",
    [
        ("Oslo ,", "punctuation"),
        ("( Oslo", "punctuation"),
        ("( Oslo )", "punctuation"),
        ("Oslo ( North )", None),
        ("Yahoo!", None),
        ("a\u00a0 b\u200b", "blank"),
        ("\u200ba b", "blank"),
    ],
)
def test_punctuation_and_whitespace_at_the_ends_of_entities(tmp_path, entity, kind):
    # Not from a column file: convert leaves invisible characters out.
    words = entity.split(" ")
    doc = Doc(Vocab(), words=words, ents=["B-LOC"] + ["I-LOC"] * (len(words) - 1))
    for split in ("train", "dev"):
        DocBin(docs=[doc]).to_disk(tmp_path / f"{split}.spacy")
    found = {finding.kind: finding for finding in check(tmp_path).findings}
    assert {k for k in found if k.startswith("entity-")} == ({f"entity-{kind}"} if kind else set())


def test_long_entities(tmp_path):
    found = checked(tmp_path, train="a I-X\n" * 16, dev="b I-X\n")
    assert found["long-entities"].examples == (
        f"{tmp_path}/train.conll:1: 16 words: {' '.join('a' * 16)}",
    )


def test_notes_of_convert(tmp_path):
    found = checked(tmp_path, train="a B-X\n\nb B-X\n\nc B-Y\nd I-X\n", dev="b B-X\n")
    message = found["as-read"].message
    assert "entities whose tags break IOB2" in message and message.endswith("(1)")
    assert found["as-read"].examples == (f"{tmp_path}/train.conll:6",)


def test_wordpieces(tmp_path, encoders):
    folder = corpus(tmp_path, train="Oslo I-LOC\n日本 O\n", dev="Oslo I-LOC\n" + "leads O\n" * 200)
    report = check(folder, encoder=str(encoders["wordpiece"]))
    found = {finding.kind: finding for finding in report.findings}
    assert "wordpieces per word" in found["wordpieces"].message
    assert found["unknown-tokens"].examples[0] == f"{tmp_path}/train.conll:2: '日本', 1 times"
    assert "1 sentence has more than 128 wordpieces" in found["long-sentences"].message
    assert found["long-sentences"].examples[0].startswith(f"{tmp_path}/dev.conll:1: ")


def test_documents_without_entity_annotation(tmp_path):
    nlp = spacy.blank("en")
    convert([SAMPLE], tmp_path)
    DocBin(docs=[nlp("Oslo.")]).to_disk(tmp_path / "dev.spacy")
    report = check(tmp_path)
    assert {"no-entities", "not-annotated"} <= {finding.kind for finding in report.findings}


def test_folders_of_docbins_are_checked(tmp_path):
    convert([SAMPLE], tmp_path / "one")
    (tmp_path / "two" / "train.spacy").mkdir(parents=True)
    for name in ("dev", "test"):
        (tmp_path / "one" / f"{name}.spacy").rename(tmp_path / "two" / f"{name}.spacy")
    (tmp_path / "one" / "train.spacy").rename(tmp_path / "two" / "train.spacy" / "00000.spacy")
    assert check(tmp_path / "two").splits["train"].documents == 49


def test_no_corpus(tmp_path):
    with pytest.raises(InputError, match="train.spacy"):
        check(tmp_path)


def test_damaged_corpus(tmp_path):
    convert([SAMPLE], tmp_path)
    (tmp_path / "train.spacy").write_bytes(b"nonsense")
    with pytest.raises(InputError, match="not a .spacy file"):
        check(tmp_path)


def test_unknown_language_and_encoder(tmp_path):
    with pytest.raises(InputError, match="enx"):
        check(tmp_path, lang="enx")
    convert([SAMPLE], tmp_path)
    with pytest.raises(InputError, match="no encoder './nothing'"):
        check(tmp_path, encoder="./nothing")


def test_texts_that_only_differ_in_numbers(tmp_path):
    found = checked(
        tmp_path, train=rows("Ann/X won 3 of 12 games"), dev=rows("ANN/X won 5 of 11 games !")
    )
    example = found["near-duplicate-across"].examples[0]
    assert "dev.conll:1: same except for numbers, case and punctuation as" in example


def test_parts_of_names(tmp_path):
    name = "Global I-ORG\nFoods I-ORG\nsaid O\n\n"
    cut = "Global O\nFoods I-ORG\nsaid O\n\n"
    found = checked(tmp_path, train=name * 5 + cut, dev=name)
    assert found["other-boundaries"].examples == (
        f"{tmp_path}/train.conll:21: ORG 'Foods', but ORG in 6 of 7: Global [Foods] said",
    )


def test_entities_within_words(tmp_path):
    folder = corpus(tmp_path, dev="b I-X\n", train="Berlin I-X\n")
    (tmp_path / "train.jsonl").write_text(
        '{"text": "in Berlin now", "spans": [{"start": 3, "end": 8, "label": "X"}]}\n'
    )
    convert([tmp_path / "train.jsonl"], tmp_path)
    found = {finding.kind: finding for finding in check(folder).findings}
    assert found["within-word"].examples == (f"{tmp_path}/train.jsonl:1: X in [Berli]n now",)
    assert found["within-word"].severity == "warning"


@pytest.mark.parametrize(
    "start, end, message, remedy",
    [
        (0, -1, "with an inclusive end", "--offsets inclusive"),
        (1, 0, "from 1, with an inclusive end", "--offsets from-1"),
        (0, 0, None, None),
    ],
)
def test_offsets_that_cut_most_entities(tmp_path, start, end, message, remedy):
    folder = corpus(tmp_path, dev="b I-X\n", train="Berlin I-X\n")
    texts = [("in Berlin now", 3, 9), ("to Rome", 3, 7), ("Paris is", 0, 5), ("in Oslo.", 3, 7)]
    lines = [
        json.dumps({"text": t, "spans": [{"start": s + start, "end": e + end, "label": "X"}]})
        for t, s, e in texts
    ]
    (tmp_path / "train.jsonl").write_text("\n".join(lines))
    options = ReadOptions(offsets="characters")
    convert([tmp_path / "train.jsonl"], tmp_path, options=options)
    found = {finding.kind: finding for finding in check(folder).findings}
    if message is None:
        assert "cut-words" not in found
        return
    assert message in found["cut-words"].message and remedy in found["cut-words"].remedy
    assert found["cut-words"].severity == "warning" and len(found["cut-words"].examples) == 4


@pytest.mark.parametrize(
    "label, is_typo", [("LCO", True), ("LO", False), ("LOCS", True), ("GPE", False)]
)
def test_typos_in_labels(tmp_path, label, is_typo):
    found = checked(tmp_path, train="Oslo I-LOC\n\n" * 20 + f"Rome I-{label}\n", dev="b I-LOC\n")
    assert ("label-slip" in found) == is_typo
    if is_typo:
        assert f"the label {label} (1) may be a typo of LOC (21)" in found["label-slip"].message


def test_quotes_within_names(tmp_path):
    text = 'Bar\tI-X\n"\tI-X\nAlameda\tI-X\n"\tI-X\n\nWisc\tI-X\n.\tI-X\n'
    assert "entity-punctuation" not in checked(tmp_path, train=text, dev="b\tI-X\n")


def test_penn_treebank_escapes(tmp_path):
    found = checked(tmp_path, train="-LRB- O\nOslo I-X\n-RRB- O\n", dev="b I-X\n")
    assert found["treebank-escapes"].examples == (
        f"{tmp_path}/train.conll:1: -LRB-",
        f"{tmp_path}/train.conll:3: -RRB-",
    )


def test_default_language_is_from_convert(tmp_path):
    for split in ("train", "dev"):
        (tmp_path / f"{split}.conll").write_text("d' O\nAvignon I-X\n")
    convert([tmp_path], tmp_path, lang="fr")
    kinds = {finding.kind for finding in check(tmp_path).findings}
    assert "tokeniser-boundary" not in kinds
    assert "tokeniser-boundary" in {finding.kind for finding in check(tmp_path, lang="en").findings}


def test_folder_without_splits(tmp_path):
    (tmp_path / "x.conll").write_text("a I-X\n")
    convert([tmp_path / "x.conll"], tmp_path)
    with pytest.raises(InputError, match="x.spacy.*--split"):
        check(tmp_path)


def test_signs_of_a_wrong_conversion(tmp_path):
    """As other converters leave them."""

    def save(name, docs):
        nlp = spacy.blank("en")
        made = []
        for sentences, entities in docs:
            words = [word for sentence in sentences for word in sentence]
            starts = [i == 0 for sentence in sentences for i in range(len(sentence))]
            doc = spacy.tokens.Doc(nlp.vocab, words=words, sent_starts=starts)
            doc.ents = [spacy.tokens.Span(doc, *entity) for entity in entities]
            made.append(doc)
        DocBin(docs=made).to_disk(tmp_path / f"{name}.spacy")

    labels = ("B-PER", "I_PER", "B.LOC", "PER-B", "BPER")
    commas = [[f"word{i},", "other,", "a", "third,"] for i in range(20)]
    save("train", [(commas, [(i, i + 1, label) for i, label in enumerate(labels)])])
    save("dev", [([["\u5317\u4eac" * 8]], [(0, 1, "LOC")]) for _ in range(10)])
    found = {finding.kind: finding for finding in check(tmp_path, lang="en").findings}
    assert found["words-end-alike"].message == "60 of 60 words of train end with ','"
    assert found["one-token-sentences"].message == "10 of 10 sentences of dev have one token"
    assert all(label in found["labels-like-tags"].message for label in labels)
    assert found["one-document"].message == "train is one document of 20 sentences"
    kinds = ("words-end-alike", "one-token-sentences", "labels-like-tags", "one-document")
    assert {found[kind].severity for kind in kinds} == {"warning"}
    save("train", [([["word,", "other", "third"]], [(0, 1, "e-mail"), (1, 2, "Building")])] * 30)
    save("dev", [([["a", "b"]], [])])
    found = {finding.kind for finding in check(tmp_path, lang="en").findings}
    assert found.isdisjoint(kinds)
