"""Shared by the benchmarks: the corpora, and parts of them."""

import random
import shutil
from pathlib import Path

from machine import ROOT
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from spacy_transformer_ner.corpus.docbin import read_docbin, sentences_of

# The corpus that conll2003-N is a part of.
CUT = "conll2003"
PARTS = ROOT / "training" / "corpora"
# Who has few sentences for training has few for dev.
DEV = 400
LANGUAGES = {"conll2002-es": "es", "conll2002-nl": "nl"}


def find_corpus(name: str) -> Path:
    """Get the folder of a corpus; parts of a corpus are written first.

    name (str): A folder of corpus/, or conll2003-N for N sentences of it, from whole documents in
        random order, with 400 of dev and all other files.
    RETURNS (Path): The folder.
    """
    size = part_of(name)
    if size is None:
        return ROOT / "corpus" / name
    folder, corpus = PARTS / name, ROOT / "corpus" / CUT
    if not folder.exists():
        sizes = {"train": size, "dev": DEV}
        new = folder.with_name(f".{name}")
        shutil.rmtree(new, ignore_errors=True)
        shutil.copytree(corpus, new)
        for split, sentences in sizes.items():
            docs = shuffled(read(corpus / f"{split}.spacy"))
            write(first_sentences(docs, sentences), new / f"{split}.spacy")
        new.rename(folder)
    return folder


def part_of(name: str) -> int | None:
    """RETURNS (int | None): The number of sentences of conll2003-N; None for other names."""
    corpus, _, size = name.rpartition("-")
    return int(size) if corpus == CUT and size.isdigit() else None


def read(path: Path) -> list[Doc]:
    """RETURNS (list[Doc]): The Docs of a .spacy file."""
    return list(read_docbin(path, Vocab()))


def write(docs: list[Doc], path: Path) -> None:
    """Write a .spacy file."""
    DocBin(docs=docs, store_user_data=True).to_disk(path)


def shuffled(docs: list[Doc]) -> list[Doc]:
    """RETURNS (list[Doc]): The Docs, always in the same random order."""
    return random.Random(0).sample(docs, len(docs))


def first_sentences(docs: list[Doc], sentences: int) -> list[Doc]:
    """RETURNS (list[Doc]): The first Docs, with this many sentences together. The last Doc may
    be cut."""
    found = []
    for doc in docs:
        if sentences < 1:
            break
        kept = list(sentences_of(doc))[:sentences]
        found.append(doc[: kept[-1].end].as_doc())
        sentences -= len(kept)
    return found
