"""The same as `python -m spacy ner import-hf`."""

from spacy_transformer_ner.cli import run

if __name__ == "__main__":
    run("import-hf")
