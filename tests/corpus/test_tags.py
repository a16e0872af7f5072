import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities

from spacy_transformer_ner.corpus.spelling import looks_bare
from spacy_transformer_ner.corpus.tags import SCHEME_NAMES, IllegalTags, TagReader, write_tags

TAGS = st.lists(st.sampled_from(["O", "B-A", "I-A", "B-B", "I-B"]), max_size=12)
ALL_TAGS = st.lists(
    st.sampled_from(["O", *(f"{p}-{l}" for p in "BIES" for l in "AB")]), max_size=12
)
LOSSY = ("IO", "bare")


def read(tags, **options):
    reader = TagReader(**options)
    spans = reader.read([reader.split(tag) for tag in tags], range(1, len(tags) + 1))
    return [(s.start, s.end, s.label) for s in spans], reader


@st.composite
def entities(draw):
    length = draw(st.integers(0, 12))
    spans, position = [], 0
    while position < length:
        end = draw(st.integers(position + 1, length))
        if draw(st.booleans()):
            spans.append((position, end, draw(st.sampled_from("PQ"))))
        position = end
    return length, spans


@given(ALL_TAGS)
def test_same_spans_as_seqeval(tags):
    # seqeval's default mode reads entities like conlleval.
    expected = [(start, end + 1, label) for label, start, end in get_entities(tags)]
    assert read(tags)[0] == expected


@pytest.mark.parametrize("scheme", SCHEME_NAMES)
@given(document=entities())
def test_round_trip(scheme, document):
    length, spans = document
    tags = write_tags(length, spans, scheme)
    found, reader = read(tags, scheme="bare" if scheme == "bare" else None)
    side_by_side = any(a[1] == b[0] and a[2] == b[2] for a, b in zip(spans, spans[1:]))
    if scheme not in LOSSY or not side_by_side:
        assert found == spans
    assert reader.illegal.count == 0
    assert read(tags, scheme=scheme, repair="none")[0] == found


@pytest.mark.parametrize(
    "tags, scheme",
    [
        ("B-A I-A B-A O", "IOB2"),
        ("I-A I-A B-A O I-B", "IOB1"),
        ("B-A E-A S-B", "BIOES"),
        ("B-A L-A U-B", "BILUO"),
        ("B-A M-A E-A S-B", "BMES"),
        ("I-A E-A O E-B", "IOE2"),
        ("I-A E-A I-A I-A O I-B", "IOE1"),
        ("I-A I-A O I-B", "IO"),
        ("B-A B-B O", "IOB2"),
        ("O O", "IOB2"),
    ],
)
def test_scheme_is_detected(tags, scheme):
    assert read(tags.split())[1].scheme == scheme


def test_scheme_is_detected_from_the_whole_file():
    reader = TagReader()
    for line, tags in enumerate(["I-A O", "B-A I-A B-A", "B-A O", "B-B"], start=1):
        reader.read([reader.split(tag) for tag in tags.split()], [line] * 9)
    assert reader.scheme == "IOB2"
    assert (reader.illegal.count, reader.illegal.lines) == (1, [1])


@pytest.mark.parametrize(
    "tags, scheme, kept",
    [
        ("B-A O I-A", "IOB2", [(0, 1, "A")]),
        ("B-A I-B", "IOB2", [(0, 1, "A")]),
        ("B-A O S-A", "BIOES", [(2, 3, "A")]),
        ("B-A E-A", "BIOES", [(0, 2, "A")]),
        ("B-A I-A", "IOB1", []),
    ],
)
def test_repair(tags, scheme, kept):
    tags = tags.split()
    assert read(tags, scheme=scheme, repair="discard")[0] == kept
    conlleval = read(tags, scheme=scheme)[0]
    assert set(kept) <= set(conlleval)
    if len(conlleval) > len(kept):
        with pytest.raises(IllegalTags, match=f"break {scheme}"):
            read(tags, scheme=scheme, repair="none")


def test_at_most_ten_lines_of_illegal_tags():
    reader = TagReader("IOB2")
    for line in range(1, 1000):
        reader.read([("I", "A")], [line])
    assert reader.illegal.count == 999
    assert reader.illegal.lines == list(range(1, 11))


@pytest.mark.parametrize(
    "tag, message",
    [
        ("X", "not a tag"),
        ("B", "its label is missing"),
        ("I-", "its label is missing"),
        ("o", "capital letter O"),
        ("0", "capital letter O"),
        ("PER-B", "Write B-PER"),
        ("B_PER", "B-PER"),
        ("b-PER", "B-PER"),
        ("(PERSON*", "not a tag"),
        ("*)", "brackets like those of OntoNotes"),
        ("B-A\u00a0", "invisible"),
        ("B-A\u200b", "invisible"),
    ],
)
def test_invalid_tags(tag, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        TagReader().split(tag)


def test_bare_labels_with_prefix():
    with pytest.raises(ValueError, match="prefix"):
        TagReader("bare").split("B-PER")


@pytest.mark.parametrize(
    "tags, bare",
    [
        ("O O PER O LOC O", True),
        ("O O O B-PER O", False),
        ("NN VB O NN", False),
        ("O O", False),
        ("O O O 12", False),
    ],
)
def test_bare_labels_are_detected(tags, bare):
    assert looks_bare(tags.split()) == bare
