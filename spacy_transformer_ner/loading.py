"""Loading trained pipelines."""

from pathlib import Path

import spacy
from spacy.language import Language

from .errors import InputError, one_line

Pipeline = Language | str | Path


def load_pipeline(name: Pipeline) -> Language:
    """Load a pipeline with `spacy.load`.

    name (Language | str | Path): The name of an installed pipeline, or its folder. A loaded
        pipeline is returned unchanged.
    RETURNS (Language): The pipeline.
    RAISES: InputError if it is not found, or damaged.
    """
    if isinstance(name, Language):
        return name
    try:
        return spacy.load(name)
    except InputError as error:
        raise InputError(f"cannot load the pipeline {str(name)!r}: {error}") from None
    except Exception as error:
        # A damaged folder makes spaCy, thinc and srsly raise all kinds of errors.
        reason = one_line(error, 400).rstrip(".")
        raise InputError(
            f"cannot load the pipeline {str(name)!r}: {type(error).__name__}: {reason}. Check "
            "that it is a complete, trained pipeline."
        ) from None
