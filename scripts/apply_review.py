"""The same as `python -m spacy ner apply-review`."""

from spacy_transformer_ner.cli import run

if __name__ == "__main__":
    run("apply-review")
