"""The same as `python -m spacy ner self-train`."""

from spacy_transformer_ner.cli import run

if __name__ == "__main__":
    run("self-train")
