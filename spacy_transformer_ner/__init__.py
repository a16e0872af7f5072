"""A transformer named entity recogniser for spaCy.

The folders follow the way of the data: `corpus` reads files into Docs, `encoder` turns
Docs into vectors, `recogniser` decides the entities, `checks` look at a corpus,
`evaluation` measures a pipeline, `training` trains it, `report` shows the figures,
`exchange` packages and converts pipelines, `annotation` runs them over a corpus, and `cli`
is `python -m spacy ner`. A folder imports only from those named before it.

Everything that a config refers to is registered by entry points, so nothing has to be
imported to load a pipeline. The functions of `api` can be imported from here.
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
    "evaluate",
    "export_hf",
    "find_threshold",
    "import_hf",
    "package",
    "rank",
    "read_corpus",
)


def __getattr__(name: str) -> object:
    """Import the API when it is first used: loading a pipeline does not need it."""
    if name in __all__:
        return getattr(import_module(".api", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
