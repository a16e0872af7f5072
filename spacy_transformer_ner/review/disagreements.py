"""Flag the annotation that a pipeline disagrees with."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.vocab import Vocab

from ..checks.report import EXAMPLES, Finding, Report, at
from ..checks.suspects import Flag
from ..corpus.docbin import read_docbin
from ..corpus.origin import place_of, token_at
from ..errors import InputError
from ..evaluation.evaluate import evaluate
from ..files import read_json, write_json
from ..training.trials import Recipe, discard, train_on
from ..wording import counted

# Predictions with a lower score are no reason to doubt the annotation.
MIN_SCORE = 0.5

Record = Mapping[str, Any]


def flags_of_mistakes(
    mistakes: Iterable[Record], split: str, numbers: Sequence[int] | None = None
) -> list[Flag]:
    """Flag the annotation that differs from what a pipeline predicts.

    mistakes (Iterable[dict]): The mistakes, as `evaluate --errors` writes them.
    split (str): The split that was evaluated.
    numbers (Sequence[int] | None): The index in the split of each document that was evaluated.
        None if all of them were.
    RETURNS (list[Flag]): The flags, most confident first. Entities that the pipeline misses have
        no score, and come last.
    """
    flags: list[Flag] = []
    for mistake in mistakes:
        gold, predicted, score = (mistake[key] for key in ("gold", "predicted", "score"))
        if score is not None and score < MIN_SCORE:
            continue
        mention = gold or predicted
        other = "no entity" if predicted is None else f"{predicted['label']} {predicted['text']!r}"
        flags.append(
            Flag(
                split=split,
                document=mistake["document"] if numbers is None else numbers[mistake["document"]],
                start=mention["start"],
                end=mention["end"],
                label=gold["label"] if gold else "",
                suggested=()
                if predicted is None
                else ((predicted["start"], predicted["end"], predicted["label"]),),
                why=f"the pipeline finds {other}"
                + ("" if score is None else f" with a score of {score:.2f}"),
                source="model",
                score=score,
            )
        )
    return _by_score(flags)


def flags_of_file(
    mistakes: Sequence[Record], paths: Mapping[str, Path], name: str | Path
) -> list[Flag]:
    """Flag the annotation of the mistakes in a file.

    mistakes (Sequence[dict]): The mistakes.
    paths (Mapping[str, Path]): The .spacy file of each split.
    name (str | Path): The name of the file, for errors.
    RETURNS (list[Flag]): The flags. The split is the one with the texts of the mistakes.
    RAISES: InputError if no split has them.
    """
    for split, path in paths.items():
        docs = [doc for doc in read_docbin(path, Vocab()) if len(doc)]
        if all(_is_in(docs, mistake) for mistake in mistakes):
            return flags_of_mistakes(mistakes, split)
    raise InputError(
        "has mistakes of another corpus. Write it with `spacy ner evaluate PIPELINE "
        f"{next(iter(paths.values()))} --errors FILE`, or with another split of the same folder.",
        path=name,
    )


def _is_in(docs: Sequence[Doc], mistake: Record) -> bool:
    if not mistake["document"] < len(docs):
        return False
    doc = docs[mistake["document"]]
    ents = [ent for ent in (mistake["gold"], mistake["predicted"]) if ent]
    first = min(ent["start"] for ent in ents)
    return place_of(doc, token_at(doc, first)) == mistake["place"] and all(
        doc.text[ent["start"] : ent["end"]] == ent["text"] for ent in ents
    )


def with_doubted(report: Report, suspects: Iterable[Record]) -> Report:
    """Put a finding first about the annotation that both a check and a pipeline doubt.

    report (Report): The report of the check.
    suspects (Iterable[dict]): The records of the suspects of both, see `suspect_records`.
    RETURNS (Report): The report, with the finding if there are such suspects.
    """
    both = [record["meta"] for record in suspects if len(record["suspect"]["sources"]) > 1]
    if not both:
        return report
    finding = Finding(
        "doubted",
        "warning",
        counted(len(both), "[label is|labels are] doubted by the check and by the pipeline"),
        "In most of them, the annotation is wrong. Review them with `spacy ner suspects`.",
        tuple(at(meta["place"], meta["why"]) for meta in both[:EXAMPLES]),
    )
    return replace(report, findings=(finding, *report.findings))


def flags_of_pipeline(nlp: Language, paths: Mapping[str, Path]) -> list[Flag]:
    """Flag the annotation that a trained pipeline disagrees with, in the splits that it was not
    trained on.

    nlp (Language): The pipeline.
    paths (Mapping[str, Path]): The .spacy file of each split.
    RETURNS (list[Flag]): The flags of dev and test, most confident first.
    """
    others = [(split, path) for split, path in paths.items() if split != "train"]
    return _by_score(chain.from_iterable(_evaluated(nlp, path, split) for split, path in others))


def flags_of_folds(
    recipe: Recipe,
    output: Path,
    n: int,
    *,
    report: Callable[[str], Any] = lambda line: None,
) -> list[Flag]:
    """Flag the annotation of train by cross-validation: each part is annotated by a pipeline
    that was trained on the others. Call it again to resume.

    recipe (Recipe): The recipe.
    output (Path): The folder for the results of the trainings. Their pipelines are not kept.
    n (int): The number of parts, two or more.
    report (Callable): Called with a line before each training.
    RETURNS (list[Flag]): The flags, most confident first.
    RAISES: InputError if there are too few documents, or a training cannot start.
    """
    train, dev = recipe.docs("train"), Path(recipe.path("dev"))
    if not 2 <= n <= len(train):
        raise InputError(
            f"cannot split {len(train)} documents into {n} parts. Set --folds to a number from 2 "
            f"to {len(train)}."
        )
    fold_of = numpy.random.default_rng(recipe.seed).permutation(len(train)) % n
    flags: list[Flag] = []
    for fold in range(n):
        rest = [doc for doc, number in zip(train, fold_of) if number != fold]
        numbers = numpy.flatnonzero(fold_of == fold).tolist()
        report(f"Training {fold + 1} of {n}: {len(rest):,} of {len(train):,} documents")
        mistakes = _of_fold(recipe, rest, [train[i] for i in numbers], dev, output, f"{fold}-{n}")
        flags += flags_of_mistakes(mistakes, "train", numbers)
    return _by_score(flags)


def _of_fold(
    recipe: Recipe,
    train: Sequence[Doc],
    held_out: Sequence[Doc],
    dev: Path,
    output: Path,
    name: str,
) -> list[dict]:
    file, digest = output / "folds" / f"{name}.json", recipe.digest(train, held_out)
    if file.is_file():
        known = read_json(file, "suspects")
        if known["digest"] == digest:
            return known["mistakes"]
    if not any(doc.ents for doc in held_out):
        return []
    folder = output / "trainings" / name
    share = len(train) / (len(train) + len(held_out))
    nlp = train_on(recipe, train, dev, folder, seed=recipe.seed, share=share)
    found = [mistake.to_dict() for mistake in evaluate(nlp, held_out).mistakes()]
    write_json(file, {"digest": digest, "mistakes": found})
    discard(folder)
    return found


def _evaluated(nlp: Language, path: Path, split: str) -> Iterator[Flag]:
    docs = [doc for doc in read_docbin(path, nlp.vocab) if len(doc)]
    if any(doc.ents for doc in docs):
        mistakes = (mistake.to_dict() for mistake in evaluate(nlp, docs).mistakes())
        yield from flags_of_mistakes(mistakes, split)


def _by_score(flags: Iterable[Flag]) -> list[Flag]:
    return sorted(flags, key=lambda flag: (flag.score is None, -(flag.score or 0.0)))
