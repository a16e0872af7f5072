"""Annotating corpora of any size: files of texts -> chunks -> Docs -> shards of annotated
texts, and a manifest of the finished shards."""
