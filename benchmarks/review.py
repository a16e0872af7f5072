"""Try the review of suspicious labels with a corrected version of a corpus file as the reviewer.

    python -m spacy ner suspects corpus/conll2003 suspects.jsonl --model training/conll2003-minilm-default-0/model-best
    python benchmarks/review.py suspects.jsonl assets/conll2003/eng.testa cleanconll.dev

takes the first suspects of the file, as many as a reviewer may look at, and decides them as the
corrected version does, e.g. CleanCoNLL's. Then it applies the decisions to a copy of the file, and
checks that nothing but the tags of reviewed sentences changed. Writes benchmarks/results/review.json:
how many suspects were wrong, and the F1 of the file's labels against the corrected ones before and
after."""

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Optional

import srsly
import typer
from machine import keep

from spacy_transformer_ner.corpus.origin import origin_of
from spacy_transformer_ner.corpus.reader import read_corpus
from spacy_transformer_ner.evaluation.counts import Counts, count
from spacy_transformer_ner.review.apply import apply_review
from spacy_transformer_ner.review.decisions import read_review

Entities = set[tuple[int, int, str]]
# The text of a sentence, and how often it came before.
Key = tuple[str, int]

app = typer.Typer(add_completion=False)


def sentences(path: Path) -> Iterator[tuple[Key, int, int, Entities]]:
    """YIELDS (tuple[Key, int, int, Entities]): Each sentence of a file, its first and last line, and
    its entities."""
    seen: Counter[str] = Counter()
    for doc in read_corpus(path):
        for sent in doc.sents:
            first, last = (origin_of(doc, i) for i in (sent.start, sent.end - 1))
            assert first is not None and last is not None
            offset = sent.start_char
            found = {(e.start_char - offset, e.end_char - offset, e.label_) for e in sent.ents}
            yield (sent.text, seen[sent.text]), first[1], last[1], found
            seen[sent.text] += 1


def agreement(path: Path, corrected: dict[Key, Entities]) -> Counts:
    """RETURNS (Counts): The entities of a file against the corrected ones, in the sentences that both
    have."""
    pairs = ((corrected[key], found) for key, _, _, found in sentences(path) if key in corrected)
    return sum(count(pairs).values(), Counts(0, 0, 0))


@app.command(help=__doc__)
def main(
    # fmt: off
    suspects: Path = typer.Argument(..., help="The output of spacy ner suspects"),
    path: Path = typer.Argument(..., help="The corpus file"),
    corrected_path: Path = typer.Argument(..., help="Its corrected version"),
    n: int = typer.Option(60, "-n", help="Number of suspects to review"),
    output: Optional[Path] = typer.Option(None, help="Where to keep the corrected copy"),
    suffix: str = typer.Option("", help="Suffix of the result's name"),
    # fmt: on
) -> None:
    corrected = {key: found for key, _, _, found in sentences(corrected_path)}
    by_line = {first: (key, last) for key, first, last, _ in sentences(path)}
    reviewed, lines, wrong, decided = [], set(), Counter(), Counter()
    for record in srsly.read_jsonl(suspects):
        suspect = record["suspect"]
        key, last = by_line.get(suspect["line"], (("", 0), 0))
        if Path(suspect["path"]).name != path.name or key[0] != record["text"]:
            continue
        if key not in corrected or len(reviewed) == n:
            continue
        lines |= set(range(suspect["line"], last + 1))
        start, end = suspect["start"], suspect["end"]
        before, after = (
            {ent for ent in found if ent[0] < end and start < ent[1]}
            for found in (set(map(tuple, suspect["annotated"])), corrected[key])
        )
        kind = " and ".join(suspect["sources"])
        decided[kind] += 1
        wrong[kind] += before != after
        spans = [{"start": a, "end": b, "label": label} for a, b, label in sorted(corrected[key])]
        here = {**suspect, "path": path.name}
        reviewed.append({**record, "spans": spans, "answer": "accept", "suspect": here})
    with TemporaryDirectory() as folder:
        copy, review = Path(folder) / path.name, Path(folder) / "review.jsonl"
        shutil.copy(path, copy)
        copy.chmod(0o644)
        srsly.write_jsonl(review, reviewed)
        done = apply_review(read_review([review]), [copy])
        old, new = (p.read_bytes().split(b"\n") for p in (path, copy))
        changed = {i for i, (a, b) in enumerate(zip(old, new, strict=True), start=1) if a != b}
        assert changed <= lines, "a line that was not reviewed changed"
        for i in changed:  # only the tag, which is the last column
            assert old[i - 1].rsplit(None, 1)[0] == new[i - 1].rsplit(None, 1)[0]
        if output is not None:
            shutil.copy(copy, output)
        f = [round(agreement(each, corrected).f, 4) for each in (path, copy)]
    result = {
        "file": path.name,
        "reviewed": len(reviewed),
        "wrong": wrong.total(),
        "by_source": {kind: [wrong[kind], decided[kind]] for kind in decided},
        "corrected_entities": done.entities,
        "changed_lines": len(changed),
        "lines": len(old),
        "f_of_labels": f,
    }
    print(result)
    keep("review", result, suffix=suffix)


if __name__ == "__main__":
    app()
