"""Suspicious annotation as records for review, in Prodigy's and Doccano's form."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from spacy.tokens import Doc, Span
from spacy.vocab import Vocab

from ..corpus.docbin import read_docbin
from ..corpus.origin import place_of, token_at
from ..corpus.overlapping import SPANS_KEY
from ..errors import InputError
from ..files import read_jsonl
from .facts import fact_id, passage_of
from .report import Suspect

# The decisions of earlier reviews, beside the corpus files.
REVIEWED = "reviewed.jsonl"

Source = Literal["check", "model"]
# Start and end character, and label.
Ent = tuple[int, int, str]


@dataclass(frozen=True)
class Flag:
    """A suspicious mention.

    split (str): The split.
    document (int): The index of the document in the split, from 0. Documents without tokens do
        not count.
    start, end (int): The character offsets of the mention.
    label (str): Its label; "" if it is not an entity.
    suggested (tuple[Ent, ...]): The entities that would replace those that overlap with it or
        with the mention. Empty for none.
    why (str): What is suspicious.
    source (str): "check": mentions of the same words are labelled differently. "model": a
        pipeline predicts something else.
    score (float | None): The score of the predicted entity.
    """

    split: str
    document: int
    start: int
    end: int
    label: str
    suggested: tuple[Ent, ...]
    why: str
    source: Source
    score: float | None = None


def flags_of(suspects: Iterable[Suspect]) -> Iterator[Flag]:
    """Flag the suspects of a check.

    suspects (Iterable[Suspect]): The suspects.
    YIELDS (Flag): A flag for each.
    """
    for suspect in suspects:
        start, end = suspect.start, suspect.end
        likely = "" if suspect.kind == "odd-one-out" else suspect.likely
        is_entity = suspect.kind in ("label-conflict", "odd-one-out")
        yield Flag(
            split=suspect.split,
            document=suspect.document,
            start=start,
            end=end,
            label=suspect.label if is_entity else "",
            suggested=((start, end, likely),) if likely else (),
            why=f"{suspect.label} here, but {suspect.likely} in {suspect.support:,} of "
            f"{suspect.mentions:,} mentions of {suspect.text!r}",
            source="check",
        )


def suspect_records(
    paths: dict[str, Path],
    flags: Iterable[Flag],
    *,
    reviewed: Sequence[Path] = (),
    n: int | None = None,
) -> list[dict]:
    """Create records for review. Prodigy reads `spans`, Doccano `label`.

    paths (dict[str, Path]): The .spacy file of each split.
    flags (Iterable[Flag]): The suspicious mentions, by source the most suspicious first.
    reviewed (Sequence[Path]): Files of earlier decisions, in addition to those beside the files
        and beside the files that they were converted from. Mentions in them are left out.
    n (int | None): The number of records; None for all.
    RETURNS (list[dict]): The records, without mentions that go beyond a sentence, and without
        documents whose entities can overlap. First come mentions that both the check and a model
        point at, then those of a model, then those of the check; of each, those in train first.
    RAISES: InputError if a file cannot be read.
    """
    groups: dict[str, dict[int, list[Flag]]] = defaultdict(lambda: defaultdict(list))
    ranks: dict[Flag, int] = {}
    for flag in flags:
        groups[flag.split][flag.document].append(flag)
        ranks[flag] = len(ranks)
    known = Known(reviewed)
    found: list[tuple[tuple[int, int, int], dict]] = []
    for split, path in paths.items():
        docs = (doc for doc in read_docbin(path, Vocab()) if len(doc))
        for number, doc in enumerate(docs):
            if SPANS_KEY in doc.spans:
                continue  # a review is of entities that don't overlap
            here = [flag for flag in groups[split].pop(number, ()) if _is_in_sentence(doc, flag)]
            for joined in _joined(here):
                first = joined[0]
                id = fact_id(doc, first.start, first.end, first.label)
                if not known.has(id, path, place_of(doc, 0)):
                    sources = {flag.source for flag in joined}
                    # A confident pipeline is right more often than the check.
                    rank = 0 if len(sources) > 1 else 1 if "model" in sources else 2
                    # Annotation that is corrected in train also improves the pipeline.
                    order = rank, split != "train", min(ranks[flag] for flag in joined)
                    found.append((order, _record(doc, id, joined)))
    return [record for _, record in sorted(found, key=lambda entry: entry[0])][:n]


def require_flat(paths: Mapping[str, Path]) -> None:
    """Check that a corpus can be reviewed.

    paths (Mapping[str, Path]): The .spacy file of each split.
    RAISES: InputError if its entities can overlap.
    """
    for path in paths.values():
        if any(SPANS_KEY in doc.spans for doc in islice(read_docbin(path, Vocab()), 1)):
            raise InputError(
                "has entities that overlap, which a review cannot express. Convert the corpus "
                "without --overlaps spans to review the longest ones.",
                path=path,
            )


class Known:
    """The IDs of mentions that were reviewed.

    files (Sequence[Path]): Files with decisions.
    """

    def __init__(self, files: Sequence[Path]):
        self._ids: dict[Path, Collection[str]] = {}
        self._always = [self._of(file) for file in files]

    def has(self, id: str, corpus: Path, place: str) -> bool:
        """id (str): An ID, see `fact_id`.
        corpus (Path): The corpus file that the mention is in.
        place (str): The place in the file that this was converted from. "" if unknown.
        RETURNS (bool): Whether the mention was reviewed."""
        files = [corpus.parent / REVIEWED]
        if place:
            files.append(Path(place.rpartition(":")[0]).parent / REVIEWED)
        return any(id in ids for ids in (*self._always, *map(self._of, files)))

    def _of(self, file: Path) -> Collection[str]:
        if file not in self._ids:
            records = read_jsonl(file, "apply-review") if file.is_file() else []
            self._ids[file] = {r["id"] for r in records if isinstance(r, dict) and "id" in r}
        return self._ids[file]


def _is_in_sentence(doc: Doc, flag: Flag) -> bool:
    """Whether an entity can be corrected as suggested. Tags cannot express one that goes beyond
    the end of a sentence."""
    spans = (flag.start, flag.end), *(ent[:2] for ent in flag.suggested)
    tokens = [range(token_at(doc, start) + 1, token_at(doc, end - 1) + 1) for start, end in spans]
    return not any(doc[i].is_sent_start for each in tokens for i in each)


def _joined(flags: Iterable[Flag]) -> list[list[Flag]]:
    """Group the flags of a document that overlap, those of the check first."""
    groups: list[list[Flag]] = []
    for flag in sorted(flags, key=lambda flag: flag.source):
        for group in groups:
            if any(flag.start < other.end and other.start < flag.end for other in group):
                group.append(flag)
                break
        else:
            groups.append([flag])
    return groups


def _record(doc: Doc, id: str, flags: Sequence[Flag]) -> dict:
    flag = flags[0]
    starts, ends = zip((flag.start, flag.end), *(ent[:2] for ent in flag.suggested))
    passage = passage_of(doc, min(starts), max(ends))
    annotated = [(ent.start_char, ent.end_char, ent.label_) for ent in passage.ents]
    suggested = _suggestion(annotated, flag)
    path, _, line = place_of(doc, passage.start).rpartition(":")
    scores = [flag.score for flag in flags if flag.score is not None]
    why = "; ".join(dict.fromkeys(flag.why for flag in flags))
    meta: dict[str, str | float] = {
        "why": why,
        "split": flag.split,
        "place": place_of(doc, token_at(doc, flag.start)),
    }
    if scores:
        meta["score"] = round(max(scores), 4)
    spans = [
        {
            **_moved(passage, ent),
            **({"suspect": True} if ent[0] < flag.end and flag.start < ent[1] else {}),
        }
        for ent in annotated
    ]
    return {
        "text": passage.text,
        "spans": spans,
        "label": [[span["start"], span["end"], span["label"]] for span in spans],
        "meta": meta,
        "suspect": {
            "id": id,
            **_moved(passage, (flag.start, flag.end, flag.label)),
            "text": doc.text[flag.start : flag.end],
            "annotated": [_triple(passage, ent) for ent in annotated],
            "suggested": [_triple(passage, ent) for ent in suggested],
            "path": path,
            "line": int(line) if line else None,
            "document": flag.document,
            "offset": passage.start_char,
            "sources": sorted({flag.source for flag in flags}),
        },
    }


def _suggestion(annotated: Sequence[Ent], flag: Flag) -> list[Ent]:
    taken = [(flag.start, flag.end), *(ent[:2] for ent in flag.suggested)]
    kept = [ent for ent in annotated if not any(ent[0] < b and a < ent[1] for a, b in taken)]
    return sorted([*kept, *flag.suggested])


def _triple(passage: Span, ent: Ent) -> list:
    return [ent[0] - passage.start_char, ent[1] - passage.start_char, ent[2]]


def _moved(passage: Span, ent: Ent) -> dict:
    return dict(zip(("start", "end", "label"), _triple(passage, ent)))
