"""Export Docs to column files and JSON Lines."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TextIO

import srsly
from spacy.tokens import Doc

from ..errors import InputError
from ..files import replacing
from .docbin import sentences_of
from .origin import place_of
from .overlapping import SPANS_KEY, entities_in, layers
from .readers.layout import DOCSTART
from .tags import write_tags

NOT_WRITTEN = (".json", ".parquet", ".gz", ".spacy", ".conllu", ".csv", ".ann")


def export(docs: Iterable[Doc], path: str | Path, scheme: str = "IOB2") -> Counter[str]:
    """Write Docs to a file. The file is written completely or not at all. `convert` reads the
    same words, sentences, documents and entities from it.

    docs (Iterable[Doc]): The Docs.
    path (str | Path): The file. A .jsonl file has one record per Doc, in Prodigy's format. A
        .conllup file is CoNLL-U Plus and keeps spaces. Any other file has one word and tag per
        line, separated by a tab, and loses spaces. If entities overlap, there are several columns
        of tags with the same name, which `convert --overlaps spans` reads.
    scheme (str): The tag scheme, one of tags.SCHEME_NAMES.
    RETURNS (Counter[str]): Descriptions of what was lost, with counts.
    RAISES: InputError if a token cannot be written to a column file.
    """
    lost: Counter[str] = Counter()
    suffix = Path(path).suffix.lower()
    if suffix in NOT_WRITTEN:
        raise InputError(
            f"cannot export to {suffix}. Use .jsonl, .conllup, or another suffix for columns.",
            path=path,
        )
    with replacing(path) as new, open(new, "w", encoding="utf-8", newline="\n") as file:
        if suffix == ".jsonl":
            for doc in docs:
                file.write(srsly.json_dumps(_record(doc)) + "\n")
        else:
            plus = suffix == ".conllup"
            docs, columns = _columns(docs)
            if plus or columns > 1:
                file.write(f"# global.columns = FORM{' MISC' * plus}{' NER' * columns}\n")
            for doc in docs:
                _write_rows(doc, file, scheme, plus, columns, lost)
    return lost


def _columns(docs: Iterable[Doc]) -> tuple[Iterable[Doc], int]:
    """RETURNS (tuple[Iterable[Doc], int]): The Docs, and the number of columns for their tags."""
    stream = iter(docs)
    first = next(stream, None)
    if first is None or SPANS_KEY not in first.spans:
        return (() if first is None else chain([first], stream)), 1
    # The columns are named in the first line, so all Docs are needed.
    listed = [first, *stream]
    found = [[(ent.start, ent.end, ent.label_) for ent in entities_in(doc)] for doc in listed]
    return listed, max(1, *(len(layers(entities)) for entities in found))


def _record(doc: Doc) -> dict:
    record: dict = {
        "text": doc.text,
        "tokens": [
            {
                "text": token.text,
                "start": token.idx,
                "end": token.idx + len(token),
                "id": token.i,
                "ws": bool(token.whitespace_),
            }
            for token in doc
        ],
        "spans": [
            {
                "start": ent.start_char,
                "end": ent.end_char,
                "token_start": ent.start,
                "token_end": ent.end - 1,
                "label": ent.label_,
            }
            for ent in entities_in(doc)
        ],
    }
    if doc.has_annotation("SENT_START"):
        record["sents"] = [{"start": s.start_char, "end": s.end_char} for s in doc.sents]
    if place := place_of(doc, 0):
        record["meta"] = {"source": place}
    return record


def _write_rows(
    doc: Doc, file: TextIO, scheme: str, plus: bool, columns: int, lost: Counter[str]
) -> None:
    outside = "\tO" * columns
    file.write("# newdoc\n" if plus else f"{DOCSTART}{outside}\n\n")
    ends = {sentence.end - 1 for sentence in sentences_of(doc)}
    words = [token for token in doc if not token.text.isspace()]
    lost["whitespace tokens were dropped"] += len(doc) - len(words)
    position = {token.i: i for i, token in enumerate(words)}
    entities = list(_entities(doc, ends, position, lost))
    found = layers(entities) if columns > 1 else [entities]
    found += [[]] * (columns - len(found))
    tags = zip(*(write_tags(len(words), layer, scheme) for layer in found))
    for i, (token, of_token) in enumerate(zip(words, tags)):
        if any(c in token.text for c in "\t\n\r\0") or token.text.strip(" ") != token.text:
            raise InputError(
                f"the token {token.text!r} cannot be written to a column file. Write a .jsonl file."
            )
        if token.text.startswith(DOCSTART):
            raise InputError(
                f"the token {token.text!r} would be read as a document boundary. Write a .jsonl "
                "file."
            )
        follows = token.whitespace_ or (token.i + 1 < len(doc) and doc[token.i + 1].text.isspace())
        misc = f"\t{'_' if follows or i + 1 == len(words) else 'SpaceAfter=No'}" if plus else ""
        file.write("\t".join((f"{token.text}{misc}", *of_token)) + "\n")
        after = words[i + 1].i if i + 1 < len(words) else len(doc)
        if any(end in ends for end in range(token.i, after)):
            file.write("\n")


def _entities(
    doc: Doc, ends: set[int], position: dict[int, int], lost: Counter[str]
) -> Iterator[tuple[int, int, str]]:
    """Yield entities with indices of the written words. Entities are split at sentence
    boundaries."""
    for ent in entities_in(doc):
        piece: list[int] = []
        pieces = 0
        for token in ent:
            if token.i in position:
                piece.append(position[token.i])
            if piece and (token.i in ends or token.i == ent.end - 1):
                yield piece[0], piece[-1] + 1, ent.label_
                piece = []
                pieces += 1
        lost["entities were split at a sentence boundary"] += pieces > 1
        lost["whitespace entities were dropped"] += pieces == 0
