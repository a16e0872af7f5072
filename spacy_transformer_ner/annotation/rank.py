"""Rank unlabelled texts by model uncertainty, for active learning."""

import heapq
from collections.abc import Iterable, Iterator
from itertools import count, tee
from pathlib import Path

from spacy.tokens import Doc

from ..errors import InputError
from ..evaluation.reliability import encoded, find_recogniser
from ..loading import Pipeline, load_pipeline
from ..progress import Progress, no_progress
from ..recogniser.scores import get_score
from .chunks import to_text
from .formats import Fields
from .input_formats import open_format
from .inputs import find_files
from .line_formats import TextLines
from .row_formats import JsonFile


def read_texts(
    inputs: Iterable[str | Path], fields: Fields = Fields(), encoding: str | None = None
) -> Iterator[tuple[str, str]]:
    """Read unlabelled texts from all formats of `annotate`, and from files with other suffixes
    that have JSON records or one text per line.

    inputs (Iterable[str | Path]): Files, folders and patterns.
    fields (Fields): The columns or keys to read.
    encoding (str | None): The encoding of text files; detected if None.
    YIELDS (tuple[str, str]): The place of each text as file:row, and the text.
    RAISES: InputError with the row if a record has no text.
    """
    for file in find_files(map(str, inputs), any_kind=True):
        reader = open_format(file, fields)
        if isinstance(reader, (TextLines, JsonFile)):
            reader.encoding = encoding or reader.source.encoding()
            if reader.encoding == "utf-8-sig":
                reader.encoding = None
        for number, (_, row) in enumerate(reader.rows(0), start=1):
            if row is None:
                continue
            text = to_text(file.name, number, row, fields)
            if text.reason:
                raise InputError(f"{text.reason}.", path=file.name, line=number)
            if text.text.strip():
                yield f"{file.name}:{number}", text.text


def rank(
    pipeline: Pipeline,
    texts: Iterable[str | tuple[str, str]],
    n: int | None = None,
    *,
    progress: Progress = no_progress,
) -> list[dict]:
    """Rank texts by model uncertainty: the entropy of the distribution over valid tag
    sequences, per token (sequence entropy, Settles and Craven 2008).

    pipeline (Language | str | Path): The pipeline, or its name or path.
    texts (Iterable[str | tuple[str, str]]): The texts, or the source of each text and the text.
        The source of a bare text is its number.
    n (int | None): How many to return; None for all.
    progress (Callable): Wraps the stream of texts.
    RETURNS (list[dict]): Records for Prodigy and Doccano, the most uncertain first: text,
        spans with scores, label, and meta with uncertainty and source.
    RAISES: InputError if the pipeline has no transformer_ner.
    """
    nlp = load_pipeline(pipeline)
    _, recogniser = find_recogniser(nlp)
    number = count()
    found: list[tuple[float, int, dict]] = []
    numbered = enumerate(progress(texts, "ranking"))
    pairs = ((str(i), text) if isinstance(text, str) else text for i, text in numbered)
    given, places = tee(pairs)
    for docs in encoded(nlp, (text for _, text in given)):
        uncertainties = recogniser.uncertainty(docs).tolist()
        recogniser.set_annotations(docs, recogniser.predict(docs))
        for doc, uncertainty, (source, _) in zip(docs, uncertainties, places):
            # Ties are in the order of the texts.
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
