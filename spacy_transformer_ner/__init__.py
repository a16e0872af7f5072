"""Transformer named entity recognition for spaCy.

The subpackages follow the data flow: `corpus` reads files into Docs, `encoder` turns Docs
into vectors, `recogniser` predicts the entities, `checks` finds errors in a corpus,
`evaluation` measures a pipeline, `training` trains it, `review` corrects labels, `report`
presents the figures, `exchange` packages and converts pipelines, `annotation` runs them over
large corpora, `distillation` trains on what they annotated, `service` answers over HTTP, and
`cli` is `python -m spacy ner`. A subpackage imports only from those listed before it.

Everything that a config refers to is registered by entry points, so loading a pipeline
needs no import. The functions of `api` can be imported from here.
"""

from importlib import import_module

__version__ = "0.1.0"

__all__ = (
    "InputError",
    "ReadOptions",
    "annotate",
    "calibrate",
    "check",
    "compare",
    "convert",
    "distill",
    "evaluate",
    "export_hf",
    "find_threshold",
    "import_hf",
    "package",
    "rank",
    "read_corpus",
    "self_train",
)


def __getattr__(name: str) -> object:
    """Import the API on first use: loading a pipeline does not need it."""
    if name in __all__:
        return getattr(import_module(".api", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
