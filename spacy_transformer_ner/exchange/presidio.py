"""A recognizer for Presidio, with the scores of the pipeline.

Presidio's own engine for spaCy gives every entity the score 0.85.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Optional, Union

from presidio_analyzer import AnalysisExplanation, LocalRecognizer, RecognizerResult
from spacy.language import Language

from ..errors import InputError
from ..evaluation.reliability import find_recogniser
from ..loading import load_pipeline
from ..recogniser.scores import get_score

# Presidio's names of the types of CoNLL-2003 and OntoNotes.
PRESIDIO_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "PER": "PERSON",
        "PERSON": "PERSON",
        "LOC": "LOCATION",
        "GPE": "LOCATION",
        "FAC": "LOCATION",
        "ORG": "ORGANIZATION",
        "NORP": "NRP",
        "DATE": "DATE_TIME",
        "TIME": "DATE_TIME",
    }
)
# What Presidio gives to entities without a score.
OTHER_SCORE = 0.85


class TransformerNerRecognizer(LocalRecognizer):
    """Finds personal data with a pipeline. The scores are calibrated probabilities, see
    docs/scores.md, so that a threshold of Presidio means what it says.

    pipeline (Language | str | Path): The pipeline, or its name or path.
    names (Mapping[str, str | None] | None): Presidio's name of labels of the pipeline, to
        change PRESIDIO_NAMES; None drops a label. Other labels keep their own name.
    supported_language (str | None): The language of the texts; by default the pipeline's.
    name (str): The recognizer's name in results.
    options (Any): Other options of Presidio's EntityRecognizer.
    RAISES: InputError if the pipeline cannot be loaded, stores no scores or has no
        transformer_ner.
    """

    def __init__(
        self,
        pipeline: Union[Language, str, Path],
        *,
        names: Optional[Mapping[str, Optional[str]]] = None,
        supported_language: Optional[str] = None,
        name: str = "TransformerNerRecognizer",
        **options: Any,
    ):
        self.nlp = pipeline if isinstance(pipeline, Language) else load_pipeline(pipeline)
        component, recogniser = find_recogniser(self.nlp)
        if recogniser.spans_key is None:
            raise InputError(
                f"the pipeline sets no scores: spans_key of {component} is null. Set it in the "
                'config, for example to "transformer_ner".'
            )
        labels = ent_labels(self.nlp)
        unknown = sorted(set(names or ()) - set(labels))
        if unknown:
            raise InputError(
                f"names has the label {unknown[0]!r}, which the pipeline lacks. Its labels are "
                f"{', '.join(labels)}."
            )
        chosen = {label: PRESIDIO_NAMES.get(label, label) for label in labels} | dict(names or {})
        self.names = {label: new for label, new in chosen.items() if new is not None}
        super().__init__(
            supported_entities=sorted(set(self.names.values())),
            supported_language=supported_language or self.nlp.lang or "en",
            name=name,
            **options,
        )

    def load(self) -> None:
        """Do nothing: the pipeline is loaded already. Presidio calls this."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: Any = None
    ) -> list[RecognizerResult]:
        """Find personal data in a text.

        text (str): The text.
        entities (list[str]): Presidio's names of what to find.
        nlp_artifacts (NlpArtifacts | None): Not used: the pipeline has its own tokens.
        RETURNS (list[RecognizerResult]): The entities. Those that another component has set,
            such as an entity_ruler, have the score that Presidio gives them.
        """
        own_name = self.name  # type: ignore[has-type]
        results = []
        for ent in self.nlp(text).ents:
            name = self.names.get(ent.label_)
            if name is None or name not in entities:
                continue
            score = get_score(ent)
            score = OTHER_SCORE if score is None else score
            explanation = AnalysisExplanation(
                recognizer=own_name,
                original_score=score,
                textual_explanation=f"{ent.label_}, found by the pipeline {self.nlp.meta['name']}",
            )
            results.append(
                RecognizerResult(
                    entity_type=name,
                    start=ent.start_char,
                    end=ent.end_char,
                    score=score,
                    analysis_explanation=explanation,
                    recognition_metadata={
                        RecognizerResult.RECOGNIZER_NAME_KEY: own_name,
                        RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id,
                    },
                )
            )
        return results


def ent_labels(nlp: Language) -> list[str]:
    """nlp (Language): A pipeline.
    RETURNS (list[str]): The labels of the components that set entities, sorted."""
    found = {
        label
        for component, labels in nlp.pipe_labels.items()
        if "doc.ents" in nlp.get_pipe_meta(component).assigns
        for label in labels
    }
    return sorted(found)
