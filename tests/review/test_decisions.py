"""What a reviewed record says, in Prodigy's and Doccano's form."""

import pytest
import srsly

from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.review.decisions import read_review

# Without whitespace, Oslo is from 4 to 8 and Bank from 8 to 12.
RECORD = {
    "text": "It is Oslo Bank .",
    "spans": [{"start": 6, "end": 10, "label": "LOC", "suspect": True}],
    "label": [[6, 10, "LOC"]],
    "meta": {},
    "suspect": {
        "id": "a1",
        "start": 6,
        "end": 10,
        "label": "LOC",
        "text": "Oslo",
        "annotated": [[6, 10, "LOC"]],
        "suggested": [[6, 15, "ORG"]],
        "path": "train.conll",
        "line": 7,
        "offset": 0,
    },
}
LOC, ORG, BANK = (4, 8, "LOC"), (4, 12, "ORG"), (8, 12, "ORG")


def changed(**fields):
    return {**RECORD, **fields}


def about(**fields):
    return {**RECORD, "suspect": {**RECORD["suspect"], **fields}}


def read(tmp_path, *records, **options):
    srsly.write_jsonl(tmp_path / "review.jsonl", records)
    return read_review([tmp_path / "review.jsonl"], **options)


EDITED = [{"start": 11, "end": 15, "label": "ORG"}]


@pytest.mark.parametrize(
    "record, removed, added",
    [
        (changed(answer="accept"), set(), set()),
        (changed(answer="reject"), {LOC}, {ORG}),
        (changed(answer="accept", spans=EDITED), {LOC}, {BANK}),
        (changed(answer="reject", spans=EDITED), {LOC}, {BANK}),
        # Doccano keeps spans as it got them, and changes label.
        (changed(label=[[11, 15, "ORG"]]), {LOC}, {BANK}),
        (changed(label=[[11, 15, "ORG"]], spans=EDITED), {LOC}, {BANK}),
        (changed(label=[], answer=None), {LOC}, set()),
        # Whitespace at the ends of a selection does not matter.
        (changed(spans=[{"start": 5, "end": 11, "label": "LOC"}], answer="accept"), set(), set()),
    ],
)
def test_decisions(tmp_path, record, removed, added):
    (text,) = read(tmp_path, record).texts
    assert (text.removed, text.added) == (removed, added)
    assert (text.first.path, text.first.line, text.first.text) == (
        "train.conll",
        7,
        "ItisOsloBank.",
    )


def test_undecided(tmp_path):
    review = read(tmp_path, RECORD, changed(answer="ignore"))
    assert review.texts == [] and review.undecided == 2
    review = read(tmp_path, RECORD, changed(answer="ignore"), unchanged_is_right=True)
    assert len(review.texts) == 1 and review.undecided == 1
    assert not review.texts[0].first.corrects


@pytest.mark.parametrize(
    "record, message",
    [
        ({"text": "x"}, "expected a record with text and suspect"),
        (changed(answer="yes"), "the answer is \"'yes'\""),
        (changed(spans=EDITED, label=[]), "spans and label were both changed"),
        (changed(spans=[{"start": 6, "end": 99, "label": "X"}]), "entity from 6 to 99"),
        (changed(spans=[{"start": 6, "end": 8, "label": " X"}]), "the label ' X'"),
        (changed(spans=["Oslo"]), "expected an entity with start, end and label in spans"),
        (changed(spans=[*EDITED, {"start": 6, "end": 15, "label": "X"}]), "two entities in spans"),
        (about(suggested=[[6, 10, "LOC"]]) | {"answer": "reject"}, "there is no suggestion"),
        (about(line="7") | {"answer": "accept"}, "the field suspect was changed"),
    ],
)
def test_invalid_records(tmp_path, record, message):
    with pytest.raises(InputError, match=f"review.jsonl:2: .*{message}"):
        read(tmp_path, RECORD, record)


def test_two_reviewers(tmp_path):
    """The same decision twice is one; others are named with both places."""
    first, second = tmp_path / "ann.jsonl", tmp_path / "bea.jsonl"
    other = about(id="b2", start=11, end=15, label="", text="Bank")
    srsly.write_jsonl(first, [changed(answer="reject")])
    srsly.write_jsonl(second, [changed(answer="reject"), other | {"answer": "ignore"}])
    assert len(read_review([first, second]).texts[0].decisions) == 1
    for record in (
        changed(answer="accept"),
        changed(spans=EDITED),
        other | {"spans": EDITED},
        other | {"answer": "accept"},
    ):
        srsly.write_jsonl(second, [record])
        with pytest.raises(InputError, match=r"ann.jsonl:1.* at .*bea.jsonl:1") as caught:
            read_review([first, second])
        assert "train.conll:7" in str(caught.value) and "ORG 'OsloBank'" in str(caught.value)


def test_two_suspects_of_a_text(tmp_path):
    other = about(
        id="b2", start=16, end=17, label="", text=".", suggested=[[6, 10, "LOC"], [16, 17, "X"]]
    )
    (text,) = read(tmp_path, changed(answer="reject"), other | {"answer": "reject"}).texts
    assert text.removed == {LOC} and text.added == {ORG, (12, 13, "X")}


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_review([tmp_path / "review.jsonl"])
