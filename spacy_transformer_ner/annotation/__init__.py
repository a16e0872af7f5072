"""Annotating a corpus of any size: files of texts -> chunks -> Docs -> shards of
annotated texts, and a manifest of those that are finished."""
