"""Running a pipeline over a corpus and measuring what it finds."""

from dataclasses import dataclass
from pathlib import Path
from timeit import default_timer
from typing import Literal

from spacy.language import Language
from spacy.scorer import Scorer
from spacy.tokens import Doc
from spacy.training import Example

from ..corpus.docbin import read_annotated, unannotated
from ..errors import InputError
from ..progress import Progress, no_progress
from .confidence import Scored, recognisers, scored_entities
from .figures import Figures, compute_figures
from .units import align

Tokenization = Literal["text", "gold"]


@dataclass(frozen=True)
class Evaluation:
    """One run of a pipeline over a corpus.

    tokenization (str): "text": the pipeline was given the raw text and
        tokenised it, as it will when it is used. "gold": it was given the
        corpus' tokens, as is common in the literature.
    scores (dict): spaCy's own scores: ents_p, ents_r, ents_f, ents_per_type and
        those of the pipeline's other components.
    speed (float): Words per second, without the tokeniser.
    figures (Figures): Ours, strict: an entity is right if its characters and
        its label are.
    scored (Scored | None): The scores of the entities; None if the pipeline
        gives none.
    """

    tokenization: Tokenization
    scores: dict
    speed: float
    figures: Figures
    scored: Scored | None = None

    def to_dict(self) -> dict:
        """RETURNS (dict): All of it, for JSON."""
        return {
            "tokenization": self.tokenization,
            **self.scores,
            "speed": self.speed,
            **self.figures.to_dict(),
            "confidence": None if self.scored is None else self.scored.to_dict(),
        }


def evaluate(
    nlp: Language,
    path: str | Path,
    *,
    tokenization: Tokenization = "text",
    progress: Progress = no_progress,
) -> Evaluation:
    """Evaluate a pipeline on a .spacy file.

    nlp (Language): The pipeline.
    path (str | Path): The file.
    tokenization (str): See `Evaluation`.
    progress (Callable): Wraps the stream of Docs, whose number it is given, to
        show progress.
    RETURNS (Evaluation): What came out.
    RAISES: InputError if the file cannot be read or holds no annotated text.
    """
    references = read_annotated(path, nlp.vocab)
    if not any(doc.ents for doc in references):
        raise InputError("holds no entities to compare with.", path=path)
    docs = [_given(nlp, reference, tokenization) for reference in references]
    start = default_timer()
    predicted = list(progress(nlp.pipe(docs), len(docs)))
    seconds = default_timer() - start
    examples = [Example(doc, reference) for doc, reference in zip(predicted, references)]
    return Evaluation(
        tokenization=tokenization,
        scores=Scorer(nlp).score(examples),
        speed=sum(map(len, predicted)) / seconds,
        figures=compute_figures([align(example) for example in examples]),
        scored=_scored(nlp, predicted, references),
    )


def _scored(nlp: Language, docs: list[Doc], references: list[Doc]) -> Scored | None:
    keys = [recogniser.spans_key for _, recogniser in recognisers(nlp)]
    return scored_entities(docs, references, keys[0]) if keys and keys[0] else None


def _given(nlp: Language, reference: Doc, tokenization: Tokenization) -> Doc:
    if tokenization == "text" and not reference.has_unknown_spaces:
        # Not nlp.make_doc: it has a longest text.
        return nlp.tokenizer(reference.text)
    return unannotated(reference, nlp.vocab)
