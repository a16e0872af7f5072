"""Measure how many of the likely label errors that check --model and suspects list are errors.

    python benchmarks/label_errors.py corpus/conll2003 corpus/cleanconll training/conll2003-minilm-default/model-best

compares the labels of dev and test with the corrected labels of the same texts, as CleanCoNLL has
them for CoNLL-2003: a mention on the list is an error if its label or its boundaries were
corrected, or if there is an entity now where there was none. Documents must be in the same order;
their tokens may differ. Writes benchmarks/results/label_errors-<corpus>.json."""

from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import typer
from machine import keep
from spacy.tokens import Doc
from spacy.vocab import Vocab
from wasabi import msg

from spacy_transformer_ner.checks.check import check, paths_of
from spacy_transformer_ner.checks.facts import fact_id
from spacy_transformer_ner.checks.suspects import Flag, flags_of, suspect_records
from spacy_transformer_ner.corpus.docbin import read_docbin
from spacy_transformer_ner.loading import load_pipeline
from spacy_transformer_ner.review.disagreements import flags_of_pipeline

SPLITS = ("dev", "test")
NUMBERS = (50, 100, 200, 500)

Ent = tuple[int, int, str]
app = typer.Typer(add_completion=False)


def letters(text: str) -> tuple[str, list[int]]:
    """RETURNS (tuple[str, list[int]]): A text without whitespace, and the offset of each of its
    characters."""
    places = [i for i, letter in enumerate(text) if not letter.isspace()]
    return "".join(text[i] for i in places), places


def moved(doc: Doc, corrected: Doc) -> set[Ent]:
    """RETURNS (set[tuple[int, int, str]]): The entities of a corrected Doc, by their places in the
    Doc."""
    text, places = letters(doc.text)
    other, others = letters(corrected.text)
    to = {}
    blocks = SequenceMatcher(None, other, text, autojunk=False).get_matching_blocks()
    for start, new, size in [(0, 0, len(text))] if text == other else blocks:
        to.update({others[start + i]: places[new + i] for i in range(size)})
    return {
        (to[ent.start_char], to[ent.end_char - 1] + 1, ent.label_)
        for ent in corrected.ents
        if ent.start_char in to and ent.end_char - 1 in to
    }


def is_error(flag: Flag, now: set[Ent]) -> tuple[bool, bool]:
    """RETURNS (tuple[bool, bool]): Whether the label of a suspect was corrected, and whether it was
    to what is suggested."""
    spans = [(flag.start, flag.end), *(ent[:2] for ent in flag.suggested)]
    here = {ent for ent in now if any(ent[0] < end and start < ent[1] for start, end in spans)}
    mention = flag.start, flag.end, flag.label
    wrong = mention not in now if flag.label else bool(here)
    return wrong, wrong and set(flag.suggested) == here


@app.command(help=__doc__)
def main(
    # fmt: off
    corpus: Path = typer.Argument(..., help="Folder of the corpus"),
    corrected: Path = typer.Argument(..., help="Folder of its corrected dev and test"),
    model: Path = typer.Argument(..., help="Name or path of the pipeline"),
    suffix: str = typer.Option("", help="Suffix of the result's name, e.g. for another machine"),
    # fmt: on
) -> None:
    paths = {split: path for split, path in paths_of(corpus).items() if split in SPLITS}
    docs, now = {}, {}
    for split, path in paths.items():
        docs[split] = [doc for doc in read_docbin(path, Vocab()) if len(doc)]
        others = [doc for doc in read_docbin(corrected / path.name, Vocab()) if len(doc)]
        now[split] = [moved(*pair) for pair in zip(docs[split], others, strict=True)]
    flags = {
        "check": [flag for flag in flags_of(check(corpus).suspects) if flag.split in paths],
        "pipeline": flags_of_pipeline(load_pipeline(model), paths),
    }
    flags["both"] = [*flags["check"], *flags["pipeline"]]
    result: dict[str, Any] = {"corpus": corpus.name, "corrected": corrected.name, "by": {}}
    for source, of_source in flags.items():
        ids = {
            fact_id(docs[f.split][f.document], f.start, f.end, f.label): f for f in of_source[::-1]
        }
        listed = [ids[r["suspect"]["id"]] for r in suspect_records(paths, of_source)]
        found = [is_error(flag, now[flag.split][flag.document]) for flag in listed]
        result["by"][source] = {
            "suspects": len(found),
            "errors": sum(wrong for wrong, _ in found),
            "precision": precisions([wrong for wrong, _ in found]),
            "suggestion_right": precisions([right for _, right in found]),
        }
        msg.text(f"{source}: {result['by'][source]}")
    keep(f"label_errors-{corpus.name}", result, suffix=suffix)


def precisions(found: list[bool]) -> dict[str, float]:
    """RETURNS (dict[str, float]): The precision of the first suspects, by their number."""
    return {str(n): round(sum(found[:n]) / n, 4) for n in NUMBERS if n <= len(found)}


if __name__ == "__main__":
    app()
