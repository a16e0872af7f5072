"""A transformer named entity recogniser for spaCy.

The folders follow the way of the data: `corpus` reads files into Docs,
`encoder` turns Docs into vectors, `recogniser` decides the entities,
`training` learns them, `evaluation` measures them, `report` shows that,
`exchange` packs pipelines, `annotation` uses them on a corpus. A folder imports
only from those named before it.

Everything a config refers to is registered by entry points, so nothing here
needs to be imported by hand.
"""

__version__ = "0.1.0"
