"""Generate a corpus of nested entities, and compare the recipe `spans` with stock spaCy on it:
spancat over spacy-transformers' TransformerModel.v3, with the same weights, suggester, steps and
batches. Reports F1 of outer and inner entities, and the speed of both.

Example: python benchmarks/overlaps.py --steps 400
"""

import random
import re
from pathlib import Path

import typer
from spacy.tokens import Doc
from spacy.tokens import Span as DocSpan
from spacy.vocab import Vocab

from spacy_transformer_ner.corpus.export import export
from spacy_transformer_ner.corpus.overlapping import set_entities

HERE = Path(__file__).parent
FIRST = "Ann Ola Marit Jonas Ingrid Peter Leila Tomas Berit Sander Hanne Viktor Nora Emil".split()
START = "Fjord Nor Holm Berg Sol Lind Elv Stor Ask Kirk Vest Sand Hav Granit Lille Bjørk".split()
END = "heim vik stad dal by havn lund sund berg nes mark voll".split()
LAST = "sen son land rud gaard strøm".split()
# The parts in braces are entities within the entity.
ENTITIES = {
    "LOC": ("{place}",),
    "PER": ("{first} {last}", "{last}"),
    "ORG": (
        "University of {LOC}", "{LOC} City Council", "{PER} Foundation", "Bank of {LOC}",
        "{LOC} Football Club", "Friends of the {FAC}", "{place} Systems", "{PER} and Partners",
        "{place} Energy",
    ),
    "FAC": (
        "{ORG} Library", "{LOC} Central Station", "{PER} Museum", "Port of {LOC}", "{LOC} Arena",
        "{place} Tower",
    ),
    "EVENT": ("{LOC} Marathon", "{ORG} Cup", "{PER} Memorial Race"),
}  # fmt: skip
SENTENCES = (
    "{PER} moved to {LOC} in May .",
    "Yesterday the {ORG} hired {PER} .",
    "The new roof of the {FAC} leaks again .",
    "{ORG} and {ORG} signed a contract in {LOC} .",
    "Nobody expected {PER} to win the {EVENT} .",
    "The {EVENT} starts in front of the {FAC} .",
    "A spokesman of the {ORG} said that the price of bread had not changed .",
    "Rain is expected in {LOC} and near {LOC} .",
    "The book was found in the {FAC} , between two maps of {LOC} .",
    "{PER} of the {ORG} met {PER} at the {EVENT} .",
    "The council of the village will meet again after the summer .",
)

# Entities within three others have no further one.
DEEPEST = 3
LABEL = re.compile("{[A-Z]+}")

Span = tuple[int, int, str]


def generate(rng: random.Random, pattern: str, depth: int = 0) -> tuple[list[str], list[Span]]:
    """rng (Random): Draws the words.
    pattern (str): Words, and entities in braces.
    depth (int): The number of entities around it.
    RETURNS (tuple[list[str], list[Span]]): Words, and entities with start and end word."""
    words: list[str] = []
    spans: list[Span] = []
    for part in pattern.split():
        label = part.strip("{}")
        if label in ENTITIES:
            flat = [choice for choice in ENTITIES[label] if not LABEL.search(choice)]
            choices = ENTITIES[label] if depth + 1 < DEEPEST else flat
            inner, within = generate(rng, rng.choice(choices), depth + 1)
            n = len(words)
            spans.append((n, n + len(inner), label))
            spans += [(n + start, n + end, name) for start, end, name in within]
            words += inner
        elif part == "{first}":
            words.append(rng.choice(FIRST))
        elif part.startswith("{"):
            words.append(rng.choice(START) + rng.choice(END if label == "place" else LAST))
        else:
            words.append(part)
    return words, spans


def write_corpus(folder: Path, sizes: dict[str, int], seed: int = 0) -> None:
    """Write a corpus in columns, one for each depth of nesting.

    folder (Path): The folder for a .tsv file of each split.
    sizes (dict[str, int]): The number of documents of each split, each with four sentences.
    seed (int): The random seed.
    """
    vocab, rng = Vocab(), random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for split, size in sizes.items():
        docs = []
        for _ in range(size):
            words: list[str] = []
            spans: list[Span] = []
            starts: list[bool] = []
            for _ in range(4):
                sentence, found = generate(rng, rng.choice(SENTENCES))
                spans += [(len(words) + a, len(words) + b, label) for a, b, label in found]
                words += sentence
                starts += [True, *([False] * (len(sentence) - 1))]
            doc = Doc(vocab, words=words, sent_starts=starts)
            entities = [DocSpan(doc, a, b, label=label) for a, b, label in spans]
            set_entities(doc, entities, overlaps=True)
            docs.append(doc)
        export(docs, folder / f"{split}.tsv")


if __name__ == "__main__":
    typer.run(main)  # noqa: F821
