"""Loading trained pipelines."""

from pathlib import Path

import spacy
from spacy.language import Language

from .errors import InputError


def load_pipeline(name: str | Path) -> Language:
    """Load a pipeline as `spacy.load` does.

    name (str | Path): The name of an installed pipeline, or a folder.
    RETURNS (Language): The pipeline.
    RAISES: InputError if there is none, or it is damaged.
    """
    try:
        return spacy.load(name)
    except InputError:
        raise
    except Exception as error:
        # Whatever a damaged folder makes spaCy, thinc or srsly raise.
        reason = " ".join(str(error).split())[:400]
        raise InputError(
            f"cannot load the pipeline {str(name)!r}: {type(error).__name__}: {reason}. Is it "
            "trained, and whole?"
        ) from None
