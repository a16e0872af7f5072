"""Identify a mention and its label across files, so that a reviewed one is recognised."""

from hashlib import blake2b

from spacy.tokens import Doc, Span

from ..corpus.docbin import sentences_of
from ..corpus.origin import token_at

# Characters of context on each side, without whitespace.
CONTEXT = 100


def fact_id(doc: Doc, start: int, end: int, label: str) -> str:
    """Get the ID of "this mention has this label".

    doc (Doc): The document.
    start, end (int): The character offsets of the mention.
    label (str): The label; "" if the mention is not an entity.
    RETURNS (str): A digest of the label, the mention, and its context within the sentence, or
        within the document if it has no sentences. Whitespace makes no difference, as some
        formats do not keep it.
    """
    first, last = _around(doc, start, end)
    parts = (doc.text[first:start], doc.text[start:end], doc.text[end:last], label)
    before, mention, after, label = ("".join(part.split()) for part in parts)
    content = "\0".join((before[-CONTEXT:], mention, after[:CONTEXT], label))
    return blake2b(content.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def _around(doc: Doc, start: int, end: int) -> tuple[int, int]:
    """The characters of the sentences that a mention is in."""
    passage = passage_of(doc, start, end, limit=None)
    return passage.start_char, passage.end_char


def passage_of(doc: Doc, start: int, end: int, limit: int | None = 200) -> Span:
    """Get the part of a document to show with a mention.

    doc (Doc): The document.
    start, end (int): The character offsets of the mention.
    limit (int | None): The tokens to show on each side, if the document has no sentences. None
        for all.
    RETURNS (Span): The sentences of the mention, or the tokens around it. It does not end
        within an entity.
    """
    first, last = token_at(doc, start), token_at(doc, end - 1) + 1
    if doc.has_annotation("SENT_START"):
        found = [s for s in sentences_of(doc) if s.start < last and first < s.end]
        return doc[found[0].start : found[-1].end]
    if limit is None:
        return doc[:]
    begin, stop = max(0, first - limit), min(len(doc), last + limit)
    while begin > 0 and doc[begin].ent_iob_ == "I":
        begin -= 1
    while stop < len(doc) and doc[stop].ent_iob_ == "I":
        stop += 1
    return doc[begin:stop]
