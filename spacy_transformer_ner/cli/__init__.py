"""`python -m spacy ner`: the commands. spaCy loads this module by the entry point group
`spacy_cli` whenever its own command line starts, so heavy imports are inside the commands."""

import typer
from spacy.cli._util import app as spacy_app

app = typer.Typer(name="ner", help="Train, check and use a named entity recogniser")
spacy_app.add_typer(app)
