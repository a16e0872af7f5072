"""Change the entities of .spacy files."""

from collections.abc import Sequence
from pathlib import Path

from spacy.attrs import ENT_ID, ENT_IOB, ENT_KB_ID, ENT_TYPE
from spacy.tokens import DocBin

from ..errors import InputError
from .changes import Change

# The values of ENT_IOB.
INSIDE, OUTSIDE, BEGIN = 1, 2, 3


def rewrite_docbin(path: Path, changes: Sequence[Change]) -> bytes:
    """Change the entities of a .spacy file. All other values stay as they are.

    path (Path): The file.
    changes (Sequence[Change]): The documents that change.
    RETURNS (bytes): The new content.
    RAISES: InputError if an entity does not start and end with tokens, or the file does not
        store entities.
    """
    docbin = DocBin().from_disk(path)
    docbin.store_user_data = any(data is not None for data in docbin.user_data)
    columns = {attr: i for i, attr in enumerate(docbin.attrs)}
    if not {ENT_IOB, ENT_TYPE} <= columns.keys():
        raise InputError("stores no entities. Pass an annotated corpus.", path=path)
    iob, label = columns[ENT_IOB], columns[ENT_TYPE]
    others = [columns[attr] for attr in (ENT_ID, ENT_KB_ID) if attr in columns]
    for change in changes:
        rows = docbin.tokens[change.number] = docbin.tokens[change.number].copy()
        for ent in change.removed:
            span = change.span(ent)
            rows[span.start : span.end, iob] = OUTSIDE
            rows[span.start : span.end, [label, *others]] = 0
        for ent in change.added:
            span = change.span(ent)
            docbin.strings.add(ent.label)
            rows[span.start : span.end, iob] = INSIDE
            rows[span.start, iob] = BEGIN
            rows[span.start : span.end, label] = span.label
    return docbin.to_bytes()
