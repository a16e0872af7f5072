"""Which texts are worth labelling next."""

import heapq
from collections.abc import Iterable, Iterator
from itertools import count, tee

from spacy.language import Language
from spacy.tokens import Doc

from ..corpus.readers.formats import looks_like_json
from ..corpus.readers.json_values import json_values
from ..corpus.readers.offsets import check_characters
from ..corpus.sources import Source
from ..errors import InputError
from ..evaluation.reliability import encoded, find_recogniser
from ..progress import Progress, no_progress
from ..recogniser.scores import get_score


def read_texts(source: Source, encoding: str | None = None) -> Iterator[tuple[str, str]]:
    """Read unlabelled texts.

    source (Source): A file with a text a line, or JSON records with a "text".
    encoding (str | None): Its encoding; found if None.
    YIELDS (tuple[str, str]): Where each text is, as file:line, and the text.
    RAISES: InputError, naming the line, if a record has no text.
    """
    encoding = encoding or source.encoding()
    if source.path.suffix in (".json", ".jsonl") or looks_like_json(source.start()):
        for line, record in json_values(source, encoding):
            text = record.get("text") if isinstance(record, dict) else None
            if not isinstance(text, str):
                raise InputError("this record has no text.", path=source.name, line=line)
            check_characters(text, source.name, line)
            if text.strip():
                yield f"{source.name}:{line}", text
    else:
        for line, row in enumerate(source.rows(encoding), start=1):
            if row.strip():
                yield f"{source.name}:{line}", row


def rank(
    nlp: Language,
    texts: Iterable[tuple[str, str]],
    n: int | None = None,
    progress: Progress = no_progress,
) -> list[dict]:
    """Rank texts by how unsure the recogniser is of them: by the entropy of the
    legal tag sequences, per token (sequence entropy, Settles and Craven 2008).

    nlp (Language): The pipeline.
    texts (Iterable[tuple[str, str]]): Where each text is from, and the text.
    n (int | None): How many to keep; None for all.
    progress (Callable): Wraps the stream of texts.
    RETURNS (list[dict]): Records as Prodigy and Doccano read them, the least sure
        first: text, spans with scores, label, and meta with uncertainty and source.
    """
    _, recogniser = find_recogniser(nlp)
    number = count()
    found: list[tuple[float, int, dict]] = []
    texts, places = tee(progress(texts, "ranking"))
    for docs in encoded(nlp, (text for _, text in texts)):
        unsure = recogniser.uncertainty(docs).tolist()
        recogniser.set_annotations(docs, recogniser.predict(docs))
        for doc, uncertainty, (source, _) in zip(docs, unsure, places):
            # Of equal ones the first comes first.
            entry = uncertainty, -next(number), _record(doc, source, uncertainty)
            if n is None or len(found) < n:
                heapq.heappush(found, entry)
            else:
                heapq.heappushpop(found, entry)
    return [record for *_, record in sorted(found, key=lambda entry: entry[:2], reverse=True)]


def _record(doc: Doc, source: str, uncertainty: float) -> dict:
    spans = []
    for ent in doc.ents:
        span = {"start": ent.start_char, "end": ent.end_char, "label": ent.label_}
        span |= {"token_start": ent.start, "token_end": ent.end - 1}
        score = get_score(ent)
        spans.append(span if score is None else span | {"score": round(score, 4)})
    return {
        "text": doc.text,
        "spans": spans,
        "label": [[span["start"], span["end"], span["label"]] for span in spans],
        "meta": {"uncertainty": round(uncertainty, 6), "source": source},
    }
