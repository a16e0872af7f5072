from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities

from spacy_transformer_ner.corpus.tags import iob2_tags, spans_from_tags

TAGS = st.lists(st.sampled_from(["O", "B-A", "I-A", "B-B", "I-B"]), max_size=12)


@given(TAGS)
def test_spans_are_those_that_seqeval_reads(tags):
    # seqeval's default mode reads entities as conlleval does.
    expected = [(start, end + 1, label) for label, start, end in get_entities(tags)]
    assert [(s.start, s.end, s.label) for s in spans_from_tags(tags)] == expected


@given(TAGS)
def test_round_trip(tags):
    spans = spans_from_tags(tags)
    again = iob2_tags(len(tags), [(s.start, s.end, s.label) for s in spans])
    assert spans_from_tags(again) == spans
