"""The same as `python -m spacy ner serve`."""

from spacy_transformer_ner.cli import run

if __name__ == "__main__":
    run("serve")
