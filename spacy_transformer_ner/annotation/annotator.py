"""Run a pipeline over texts."""

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

from ..corpus.overlapping import SPANS_KEY, has_only_spans
from ..errors import InputError
from ..recogniser.scores import entities_with_scores
from .chunks import Text, as_string
from .schema import Annotated

# Characters per batch, which limits the memory for its vectors.
BATCH_CHARACTERS = 1 << 18
# Characters of the sentence to keep on each side of an entity.
SENTENCE_SIDE = 500
# A text that any working pipeline can process.
PROBE = "a"


class Annotator:
    """Runs a pipeline over the texts of a chunk.

    nlp (Language): The pipeline.
    keep_docs (bool): Whether to keep the Docs instead of records of the entities.
    """

    def __init__(self, nlp: Language, keep_docs: bool = False):
        self.nlp = nlp
        self.keep_docs = keep_docs
        self._sentencizer = Sentencizer()
        marks = re.escape("".join(self._sentencizer.punct_chars))
        self._ends_sentence = re.compile(f"[{marks}]").search
        self._warm = False

    def __call__(self, texts: Sequence[Text]) -> tuple[list[Annotated], list[Text]]:
        """Annotate texts. They are batched by length, the shortest first, to minimize padding.

        texts (Sequence[Text]): The texts.
        RETURNS (tuple[list[Annotated], list[Text]]): The annotated texts, and those that
            failed, with the reason. Both are in the order of the texts.
        RAISES: InputError if the pipeline fails on every text.
        """
        for text in texts:
            if not text.reason and len(text.text) > self.nlp.max_length:
                text.reason = (
                    f"has {len(text.text):,} characters, but the limit of the pipeline is "
                    f"{self.nlp.max_length:,} (nlp.max_length)"
                )
        if not self._warm:
            # In a memory zone the tokenizer adds nothing to its cache, and is slow without.
            for text in texts:
                with suppress(Exception):
                    self.nlp.tokenizer(text.text)
            self._warm = True
        order = sorted(
            (i for i, text in enumerate(texts) if not text.reason), key=lambda i: len(texts[i].text)
        )
        found: list[Annotated | None] = [None] * len(texts)
        # Frees the memory that spaCy uses for new words.
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
        """If a batch fails, each half is tried again: this isolates the text that fails, and
        needs less memory."""
        try:
            docs = list(self.nlp.pipe([text.text for text in texts], batch_size=len(texts)))
            if len(docs) != len(texts):
                raise ValueError(f"the pipeline returned {len(docs)} Docs for {len(texts)} texts")
            return [self._result(text, doc) for text, doc in zip(texts, docs)]
        except Exception as error:
            if len(texts) == 1:
                self._failed(texts[0], error)
                return [None]
        half = len(texts) // 2
        return self._annotate(texts[:half]) + self._annotate(texts[half:])

    def _failed(self, text: Text, error: Exception) -> None:
        """Set the reason of a text that fails, unless the pipeline fails on every text."""
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        try:
            self.nlp(PROBE)
        except Exception:
            # The text is not the cause: the GPU is lost, or the pipeline is broken.
            raise InputError(
                f"the pipeline fails on every text, first on {text.file}:{text.row}: {reason}. "
                "Fix it and run the same command again to resume."
            ) from None
        text.reason = f"the pipeline fails on this text: {reason}"

    def _result(self, text: Text, doc: Doc) -> Annotated:
        if not self.keep_docs:
            entities = tuple(self._entities(doc))
            return Annotated(text, len(doc), len(entities), entities)
        carried = {name: as_string(value) for name, value in text.carried.items()}
        doc.user_data.update({"id": text.id, "file": text.file, "row": text.row, **carried})
        # The Doc itself is larger, and not valid after the memory zone.
        docs = DocBin(store_user_data=True, docs=[doc])
        found = doc.spans[SPANS_KEY] if has_only_spans(doc) else doc.ents
        return Annotated(text, len(doc), len(found), docs=docs)

    def _entities(self, doc: Doc) -> Iterator[dict[str, Any]]:
        found = entities_with_scores(doc, spans=has_only_spans(doc))
        if not found:
            return
        text = doc.text
        starts = self._sentence_starts(doc, text)
        for ent, score in sorted(found, key=lambda one: (one[0].start, -one[0].end)):
            start, end = ent.start_char, ent.end_char
            # The sentencizer may split an entity such as "Yahoo! Inc".
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
        """The character offset of each sentence, as set by the pipeline, or else by spaCy's
        sentencizer."""
        marks = doc.to_array(SENT_START)
        if not marks[1:].any():
            if not self._ends_sentence(text, 0, len(text) - 1):
                return [0]
            (begins,) = self._sentencizer.predict([doc])
            marks = numpy.array(begins)
        return doc.to_array(IDX)[marks == 1].tolist()
