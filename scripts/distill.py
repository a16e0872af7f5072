"""The same as `python -m spacy ner distill`."""

from spacy_transformer_ner.cli import run

if __name__ == "__main__":
    run("distill")
