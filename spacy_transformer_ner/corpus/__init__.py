"""Reading corpora in many formats, and converting them to and from .spacy files."""
