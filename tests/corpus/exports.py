"""The same five texts in the export formats of annotation tools. `tests/data/exports` has a file
or folder per tool; each gives these entities."""

from collections.abc import Iterator
from pathlib import Path

from spacy.tokens import Doc

FOLDER = Path(__file__).parents[1] / "data" / "exports"

# Text, and the entities in their order.
TEXTS = (
    (
        "Ingrid Solberg left Hafenbank for Tromsø in June.",
        (("Ingrid Solberg", "PER"), ("Hafenbank", "ORG"), ("Tromsø", "LOC")),
    ),
    ("The train from Reading to Nice was late.", (("Reading", "LOC"), ("Nice", "LOC"))),
    ("It rained all day.", ()),
    (
        "Prof. Adeyemi of Port Harcourt Clinic told the Herald.",
        (("Adeyemi", "PER"), ("Port Harcourt Clinic", "ORG"), ("Herald", "ORG")),
    ),
    (
        "Zoë Lefèvre runs the Café Lumière in Orléans.",
        (("Zoë Lefèvre", "PER"), ("Café Lumière", "MISC"), ("Orléans", "LOC")),
    ),
)


def entities(docs: Iterator[Doc]) -> list[tuple[str, str]]:
    """docs (Iterator[Doc]): The Docs of an export.
    RETURNS (list[tuple[str, str]]): Text and label of all entities."""
    return [(ent.text, ent.label_) for doc in docs for ent in doc.ents]


ENTITIES = [entity for _, found in TEXTS for entity in found]
