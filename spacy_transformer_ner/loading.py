"""Loading trained pipelines."""

from pathlib import Path

import spacy
from spacy.language import Language

from .errors import InputError, one_line


def load_pipeline(name: str | Path) -> Language:
    """Load a pipeline as `spacy.load` does.

    name (str | Path): The name of an installed pipeline, or a folder.
    RETURNS (Language): The pipeline.
    RAISES: InputError if there is none, or it is damaged.
    """
    try:
        return spacy.load(name)
    except InputError as error:
        raise InputError(f"cannot load the pipeline {str(name)!r}: {error}") from None
    except Exception as error:
        # Whatever a damaged folder makes spaCy, thinc or srsly raise.
        reason = one_line(error, 400)
        raise InputError(
            f"cannot load the pipeline {str(name)!r}: {type(error).__name__}: {reason}. Is it "
            "trained, and whole?"
        ) from None
