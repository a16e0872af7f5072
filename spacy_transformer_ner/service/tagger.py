"""Find the entities of a batch of texts, with the thresholds of a request."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc

from ..annotation.annotator import PROBE, Annotator
from ..annotation.chunks import Text, is_unicode
from ..annotation.schema import Annotated
from ..errors import InputError, one_line
from ..evaluation.reliability import find_recogniser
from ..recogniser.scores import CANDIDATES, SCORES

# Texts to warm up with: one word, and a sentence with the usual punctuation.
WARM_UP = ("Hello", "Marit Solheim (42) leads Fjordverk, a company in Oslo's harbour.")


@dataclass(frozen=True)
class Options:
    """What a request wants to see. Requests with equal options share batches.

    threshold (float | None): Drop entities with a lower score; None for the pipeline's own
        threshold.
    label_thresholds (tuple[tuple[str, float], ...] | None): Thresholds of single labels, in
        place of `threshold`. None for the pipeline's own, or for none if `threshold` is set.
    candidates (float | None): Also return all spans of at least this probability.
    """

    threshold: float | None = None
    label_thresholds: tuple[tuple[str, float], ...] | None = None
    candidates: float | None = None

    def settings(self) -> dict[str, Any]:
        """RETURNS (dict): The settings of the recogniser, see `TransformerNER.using`."""
        found: dict[str, Any] = {"candidates": self.candidates}
        if self.threshold is not None:
            found |= {"threshold": self.threshold, "label_thresholds": {}}
        if self.label_thresholds is not None:
            found["label_thresholds"] = dict(self.label_thresholds)
        return found


@dataclass(frozen=True)
class Answer:
    """The answer for a text.

    entities (Sequence[dict] | None): The entities, as in `annotation.schema`; None if the
        pipeline failed on the text.
    candidates (Sequence[dict] | None): The candidates, most probable first, if wanted.
    error (str): Why the pipeline failed, if so.
    """

    entities: Sequence[dict[str, Any]] | None
    candidates: Sequence[dict[str, Any]] | None = None
    error: str = ""

    def to_dict(self) -> dict[str, Any]:
        """RETURNS (dict): The fields that are set, for JSON."""
        if self.error:
            return {"entities": None, "error": self.error}
        shown: dict[str, Any] = {"entities": self.entities}
        if self.candidates is not None:
            shown["candidates"] = self.candidates
        return shown


@dataclass(frozen=True)
class WithCandidates(Annotated):
    """An annotated text with its candidates.

    candidates (tuple[dict, ...] | None): The candidates; None if turned off.
    """

    candidates: tuple[dict[str, Any], ...] | None = None


class Tagger(Annotator):
    """Finds the entities of texts, with the thresholds of a request.

    nlp (Language): The pipeline.
    RAISES: InputError if it has no transformer_ner.
    """

    def __init__(self, nlp: Language):
        super().__init__(nlp)
        _, self.recogniser = find_recogniser(nlp)

    def tag(self, texts: Sequence[str], options: Options = Options()) -> list[Answer]:
        """Find the entities of texts. A text that the pipeline fails on spoils no other.

        texts (Sequence[str]): The texts.
        options (Options): What to find.
        RETURNS (list[Answer]): The answer for each text.
        RAISES: The error of the pipeline, if it fails on every text.
        """
        records = [
            Text("texts", row, "", text, reason="" if is_unicode(text) else "has lone surrogates")
            for row, text in enumerate(texts)
        ]
        with self.recogniser.using(**options.settings()):
            try:
                annotated, failed = self(records)
            except InputError:
                # Raises the same error, without a text of a client.
                self.nlp(PROBE)
                raise
        answers = {text.row: Answer(None, error=text.reason) for text in failed}
        for found in annotated:
            assert isinstance(found, WithCandidates)
            answers[found.text.row] = Answer(found.entities, found.candidates)
        return [answers[row] for row in range(len(texts))]

    def warm_up(self) -> None:
        """Run the pipeline once, so that the first request does not wait for caches.

        RAISES: InputError if the pipeline fails."""
        try:
            self.tag(WARM_UP)
        except Exception as error:
            raise InputError(
                f"the pipeline fails on every text: {type(error).__name__}: {one_line(error)}. "
                "Train it, or check that it is complete."
            ) from None

    def _result(self, text: Text, doc: Doc) -> Annotated:
        found = super()._result(text, doc)
        candidates = None if self.recogniser.candidates is None else tuple(self._candidates(doc))
        return WithCandidates(found.text, found.words, found.n_entities, found.entities,
                              candidates=candidates)  # fmt: skip

    def _candidates(self, doc: Doc) -> Iterator[dict[str, Any]]:
        group = doc.spans.get(f"{self.recogniser.spans_key}{CANDIDATES}", ())
        if not len(group):
            return
        for span, score in zip(group, group.attrs[SCORES].tolist()):
            start, end = span.start_char, span.end_char
            yield {
                "start": start, "end": end, "label": span.label_, "text": doc.text[start:end],
                "score": score,
            }  # fmt: skip
