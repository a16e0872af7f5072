"""Texts to entities, with one pipeline."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy
from spacy.attrs import IDX, SENT_START
from spacy.language import Language
from spacy.pipeline import Sentencizer
from spacy.tokens import Doc, DocBin

from ..errors import InputError
from ..recogniser.scores import scores_of
from .chunks import Text, as_string
from .schema import Annotated

# What is encoded at once, which bounds the memory its vectors take.
BATCH_CHARACTERS = 1 << 18
# How much of a sentence is kept on either side of an entity.
SENTENCE_SIDE = 500
# What any pipeline can do.
PROBE = "a"


class Annotator:
    """Runs a pipeline over the texts of a chunk.

    nlp (Language): The pipeline.
    keep_docs (bool): Whether to keep the Docs, and not only what was found.
    """

    def __init__(self, nlp: Language, keep_docs: bool = False):
        self.nlp = nlp
        self.keep_docs = keep_docs
        self._sentencizer = Sentencizer()
        marks = re.escape("".join(self._sentencizer.punct_chars))
        self._ends_sentence = re.compile(f"[{marks}]").search
        self._warm = False

    def __call__(self, texts: Sequence[Text]) -> tuple[list[Annotated], list[Text]]:
        """Annotate texts. They are encoded by length, the shortest first, so that what
        is encoded together is of one length.

        texts (Sequence[Text]): The texts.
        RETURNS (tuple[list[Annotated], list[Text]]): Those annotated, and those that
            cannot be, with the reason. Both in the order of the texts.
        RAISES: InputError if the pipeline fails on any text.
        """
        for text in texts:
            if not text.reason and len(text.text) > self.nlp.max_length:
                text.reason = (
                    f"has {len(text.text):,} characters, and the pipeline takes "
                    f"{self.nlp.max_length:,} (nlp.max_length)"
                )
        if not self._warm:
            # The tokeniser remembers no words in a memory zone, and is slow without.
            for text in texts:
                with suppress(Exception):
                    self.nlp.tokenizer(text.text)
            self._warm = True
        order = sorted(
            (i for i, text in enumerate(texts) if not text.reason), key=lambda i: len(texts[i].text)
        )
        found: list[Annotated | None] = [None] * len(texts)
        # What spaCy learns of new words goes when the zone ends.
        with self.nlp.memory_zone():
            for batch in self._batches(texts, order):
                for i, result in zip(batch, self._annotate([texts[i] for i in batch])):
                    found[i] = result
        return [a for a in found if a is not None], [text for text in texts if text.reason]

    def _batches(self, texts: Sequence[Text], order: Sequence[int]) -> Iterator[list[int]]:
        batch: list[int] = []
        characters = 0
        for i in order:
            length = len(texts[i].text)
            if batch and (
                len(batch) == self.nlp.batch_size or characters + length > BATCH_CHARACTERS
            ):
                yield batch
                batch, characters = [], 0
            batch.append(i)
            characters += length
        if batch:
            yield batch

    def _annotate(self, texts: list[Text]) -> list[Annotated | None]:
        """Of a batch that fails each half is tried again, so the one text that it is
        because of is found, and what is short of memory gets by with less."""
        try:
            docs = list(self.nlp.pipe([text.text for text in texts], batch_size=len(texts)))
            if len(docs) != len(texts):
                raise ValueError(f"the pipeline gives {len(docs)} Docs for {len(texts)} texts")
            return [self._result(text, doc) for text, doc in zip(texts, docs)]
        except Exception as error:
            if len(texts) == 1:
                return [self._failed(texts[0], error)]
        half = len(texts) // 2
        return self._annotate(texts[:half]) + self._annotate(texts[half:])

    def _failed(self, text: Text, error: Exception) -> None:
        said = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        try:
            self.nlp(PROBE)
        except Exception:
            # Not the text is to blame: a GPU is lost, or the pipeline is broken.
            raise InputError(
                f"the pipeline fails on any text, {text.file}:{text.row} first: {said}. Mend it, "
                "and the same command goes on."
            ) from None
        text.reason = f"the pipeline fails on it: {said}"

    def _result(self, text: Text, doc: Doc) -> Annotated:
        if not self.keep_docs:
            entities = tuple(self._entities(doc)) if doc.ents else ()
            return Annotated(text, len(doc), len(entities), entities)
        carried = {name: as_string(value) for name, value in text.carried.items()}
        doc.user_data.update({"id": text.id, "file": text.file, "row": text.row, **carried})
        # The Doc itself is larger, and bound to the zone.
        docs = DocBin(store_user_data=True, docs=[doc])
        return Annotated(text, len(doc), len(doc.ents), docs=docs)

    def _entities(self, doc: Doc) -> Iterator[dict[str, Any]]:
        text = doc.text
        starts = self._sentence_starts(doc, text)
        for ent, score in zip(doc.ents, scores_of(doc)):
            start, end = ent.start_char, ent.end_char
            # The sentencizer may cut an entity, like "Yahoo! Inc".
            after = bisect_left(starts, end)
            first = max(starts[bisect_right(starts, start) - 1], start - SENTENCE_SIDE)
            last = min(starts[after] if after < len(starts) else len(text), end + SENTENCE_SIDE)
            yield {
                "start": start,
                "end": end,
                "label": ent.label_,
                "text": text[start:end],
                "score": score,
                "sentence_start": first,
                "sentence": text[first:last].rstrip(),
            }

    def _sentence_starts(self, doc: Doc, text: str) -> list[int]:
        """The character at which each sentence starts: as the pipeline set them, or by
        the rule of spaCy's sentencizer."""
        marks = doc.to_array(SENT_START)
        if not marks[1:].any():
            if not self._ends_sentence(text, 0, len(text) - 1):
                return [0]
            (begins,) = self._sentencizer.predict([doc])
            marks = numpy.array(begins)
        return doc.to_array(IDX)[marks == 1].tolist()
