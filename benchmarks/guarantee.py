"""Measure whether the promises of tune-threshold are kept.

    spacy project run train . --vars.dataset conll2003
    python benchmarks/guarantee.py corpus/conll2003/dev.spacy training/conll2003-minilm-default/model-best

finds thresholds on random halves of the documents, for text with at most a share of the entities
missed, or at most a share of them wrong, and counts how often this holds on the other half. For
--also, other corpora, thresholds are found on all of the first one: the text is of another kind,
so that the promise may be broken. The pipeline is the same for all halves. Writes
benchmarks/results/guarantee-<corpus>-<split>.json."""

from pathlib import Path
from typing import Any

import numpy
import typer
from machine import keep
from wasabi import msg

from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.evaluation.risk_control import Risk, Spans, find_promise, scored_spans
from spacy_transformer_ner.evaluation.thresholds import LEVEL
from spacy_transformer_ner.loading import load_pipeline

HALVES = 100
RISKS: tuple[Risk, ...] = ("missed", "wrong")
SHARES = (0.03, 0.05, 0.1)

app = typer.Typer(add_completion=False)


def risk_of(spans: Spans, risk: Risk, threshold: float) -> tuple[float, float]:
    """RETURNS (tuple[float, float]): The share that is missed or wrong, of all entities and in the
    mean over documents."""
    bad, of = spans.counts(risk, threshold)
    return float(bad.sum() / of.sum()), float((bad / of).mean())


def on_halves(spans: Spans, risk: Risk, share: float) -> dict[str, Any]:
    """RETURNS (dict): How often a promise is made and kept on halves of a corpus."""
    kept = kept_in_mean = 0
    found = []
    for seed in range(HALVES):
        order = numpy.random.default_rng(seed).permutation(len(spans.gold))
        chosen = numpy.isin(numpy.arange(len(order)), order[: len(order) // 2])
        half, other = spans.select(chosen), spans.select(~chosen)
        try:
            point, _ = find_promise(half, risk, share, LEVEL)
        except InputError:
            continue
        together, mean = risk_of(other, risk, point.threshold)
        kept += together <= share
        kept_in_mean += mean <= share
        reported = other.point(point.threshold).kept / int(other.gold.sum())
        found.append((together, point.threshold, reported))
    means = numpy.mean(found, axis=0).round(4).tolist() if found else [None] * 3
    return {
        "promised": len(found),
        "kept": kept,
        "kept_in_mean_over_documents": kept_in_mean,
        **dict(zip(("share", "threshold", "spans_per_entity"), means)),
    }


@app.command(help=__doc__)
def main(
    # fmt: off
    data_path: Path = typer.Argument(..., help="Location of the .spacy file"),
    model: Path = typer.Argument(..., help="Name or path of the pipeline"),
    also: list[Path] = typer.Option([], help="Corpora of other kinds of text"),
    suffix: str = typer.Option("", help="Suffix of the result's name, e.g. for another machine"),
    # fmt: on
) -> None:
    nlp = load_pipeline(model)
    spans = scored_spans(nlp, data_path)
    result: dict[str, Any] = {
        "corpus": f"{data_path.parent.name} {data_path.stem}",
        "documents": len(spans["missed"].gold),
        "level": LEVEL,
        "halves": HALVES,
        "on_halves": {},
        "elsewhere": {},
    }
    thresholds = {}
    for risk in RISKS:
        result["on_halves"][risk] = {}
        for share in SHARES:
            figures = on_halves(spans[risk], risk, share)
            result["on_halves"][risk][f"{share:g}"] = figures
            msg.text(f"at most {share:g} {risk}: {figures}")
            try:
                thresholds[risk, share] = find_promise(spans[risk], risk, share, LEVEL)[0].threshold
            except InputError as error:
                msg.warn(str(error))
    for path in (data_path, *also):
        others = spans if path == data_path else scored_spans(nlp, path)
        name = f"{path.parent.name} {path.stem}"
        result["elsewhere"][name] = {risk: {} for risk in RISKS}
        for (risk, share), threshold in thresholds.items():
            together, mean = risk_of(others[risk], risk, threshold)
            result["elsewhere"][name][risk][f"{share:g}"] = {
                "threshold": threshold,
                "share": round(together, 4),
                "mean_share": round(mean, 4),
                "spans_per_entity": round(
                    others[risk].point(threshold).kept / int(others[risk].gold.sum()), 2
                ),
            }
        msg.text(f"{name}: {result['elsewhere'][name]}")
    keep(f"guarantee-{data_path.parent.name}-{data_path.stem}", result, suffix=suffix)


if __name__ == "__main__":
    app()
