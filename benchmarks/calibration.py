"""Measure the calibration of the scores, compared with the scores of other tools for the same
predictions of the same pipeline.

    spacy project run train . --vars.dataset conll2003
    python benchmarks/calibration.py --dataset conll2003

Methods: the score of this package; the exact marginal it is based on; the mean softmax over an
entity's tokens, as in Hugging Face's pipeline; the mean of 1 - p(O), as in edsnlp. The others
are measured raw, and after Platt scaling on the data that the score of this package is fitted
on.

Without shift: fitted on a random half of dev's documents and measured on the other half, the
mean of 20 such splits. With shift: fitted on dev, measured on test. Writes
benchmarks/results/calibration-<dataset>-<encoder>-<config>.json."""

from dataclasses import dataclass
from pathlib import Path

import numpy
import typer
from machine import hardware, versions
from sklearn.linear_model import LogisticRegression
from spacy.language import Language
from wasabi import msg

from spacy_transformer_ner.corpus.reader import annotated_docs
from spacy_transformer_ner.evaluation.calibrate import fit
from spacy_transformer_ner.evaluation.gathered import Gathered, gather_with_copy, joined
from spacy_transformer_ner.evaluation.reliability import (
    Scored,
    encoded,
    find_recogniser,
    reliability,
    threshold_for,
)
from spacy_transformer_ner.files import write_json
from spacy_transformer_ner.loading import load_pipeline
from spacy_transformer_ner.recogniser.calibration import log_odds

ROOT = Path(__file__).parents[1]
SPLITS = 20
PRECISION = 0.95
FIGURES = ("ece", "brier", "aurc")
app = typer.Typer(add_completion=False)


@dataclass(frozen=True)
class Corpus:
    """A corpus, and the scores of each method for the entities predicted in it."""

    gathered: Gathered
    copy: Gathered
    raw: dict[str, numpy.ndarray]


def read(nlp: Language, path: Path) -> Corpus:
    """nlp (Language): The pipeline.
    path (Path): A .spacy file.
    RETURNS (Corpus): The corpus with all scores."""
    gathered, copy = gather_with_copy(nlp, path)
    raw = {
        "marginal": gathered.features.marginals,
        "mean softmax": gathered.features.softmaxes,
        "mean 1 - p(O)": entity_probability(nlp, path),
    }
    return Corpus(gathered, copy, raw)


def entity_probability(nlp: Language, path: Path) -> numpy.ndarray:
    """nlp (Language): The pipeline.
    path (Path): A .spacy file.
    RETURNS (ndarray): The mean of 1 - p(O) over the tokens of each entity."""
    _, recogniser = find_recogniser(nlp)
    found = []
    for docs in encoded(nlp, (doc.text for doc in annotated_docs(path, nlp.vocab))):
        for doc, prediction in zip(docs, recogniser.predict(docs)):
            scores = recogniser.model.ops.to_numpy(recogniser.model.predict([doc])[0])
            scores = numpy.exp(scores - scores.max(axis=1, keepdims=True))
            inside = 1.0 - scores[:, 0] / scores.sum(axis=1)
            found += [
                inside[start:end].mean() for start, end, _ in prediction.entities.spans.tolist()
            ]
    return numpy.array(found)


def scores_of(fitted: Corpus, chosen: numpy.ndarray, measured: Corpus, on: numpy.ndarray) -> dict:
    """Fit every method on some entities of a corpus, and score some entities of another."""
    g, copy = fitted.gathered, fitted.copy
    copied = numpy.isin(copy.documents, g.documents[chosen])
    calibration = fit(*joined(g.select(chosen), copy.select(copied)), g.usual_entropy)
    scores = {"this package": calibration.scores(measured.gathered.features.select(on))}
    for name, raw in fitted.raw.items():
        platt = LogisticRegression(C=10.0).fit(log_odds(raw[chosen])[:, None], g.right[chosen])
        scores[name] = measured.raw[name][on]
        scores[f"{name}, Platt"] = platt.predict_proba(log_odds(scores[name])[:, None])[:, 1]
    scores["fitted"] = calibration.scores(g.features.select(chosen))
    return scores


def figures(scores: dict, right: numpy.ndarray) -> dict[str, dict[str, float]]:
    """The figures of every method."""
    return {
        name: {figure: getattr(reliability(values, right), figure) for figure in FIGURES}
        for name, values in scores.items()
        if name != "fitted"
    }


def scored(scores: numpy.ndarray, right: numpy.ndarray, gold: int) -> Scored:
    """Scored entities, to find a threshold."""
    return Scored(scores, scores, right, [""] * len(scores), {"": gold})


@app.command(help=__doc__)
def main(
    # fmt: off
    dataset: str = typer.Option("conll2003", help="Converted data set in corpus/"),
    config: str = typer.Option("minilm", help="Recipe of the training"),
    encoder: str = typer.Option("default", help="Encoder of the training"),
    # fmt: on
) -> None:
    run = f"{dataset}-{config}-{encoder}"
    nlp = load_pipeline(str(ROOT / "training" / f"{run}-0" / "model-best"))
    dev, test = (read(nlp, ROOT / "corpus" / dataset / f"{s}.spacy") for s in ("dev", "test"))
    right, documents = dev.gathered.right, dev.gathered.documents
    halves, precisions = [], []
    for seed in range(SPLITS):
        order = numpy.random.default_rng(seed).permutation(int(documents.max()) + 1)
        chosen = numpy.isin(documents, order[: len(order) // 2])
        scores = scores_of(dev, chosen, dev, ~chosen)
        halves.append(figures(scores, right[~chosen]))
        point = threshold_for(scored(scores["fitted"], right[chosen], 1), PRECISION)
        kept = scores["this package"] >= point.threshold
        precisions.append(float(right[~chosen][kept].mean()))
    every = numpy.ones(len(right), dtype=bool)
    scores = scores_of(dev, every, test, numpy.ones(len(test.gathered.right), dtype=bool))
    shifted = figures(scores, test.gathered.right)
    gold = sum(test.gathered.gold.values())
    point = threshold_for(
        scored(scores["fitted"], right, sum(dev.gathered.gold.values())), PRECISION
    )
    kept = scores["this package"] >= point.threshold
    hits = int(test.gathered.right[kept].sum())
    result = {
        "dataset": dataset,
        "encoder": encoder,
        "config": config,
        "binning": "15 bins of equally many predicted entities",
        "splits": SPLITS,
        "without_shift": {
            name: {
                figure: round(float(numpy.mean([h[name][figure] for h in halves])), 4)
                for figure in FIGURES
            }
            for name in halves[0]
        },
        "with_shift": {
            name: {figure: round(float(value), 4) for figure, value in found.items()}
            for name, found in shifted.items()
        },
        "diagram": reliability(scores["this package"], test.gathered.right).to_dict()["bins"],
        "threshold": {
            "wanted_precision": PRECISION,
            "other_half_precision": round(float(numpy.mean(precisions)), 4),
            "other_half_deviation": round(float(numpy.std(precisions)), 4),
            "dev_recall": round(point.recall, 4),
            "test_precision": round(hits / int(kept.sum()), 4),
            "test_recall": round(hits / gold, 4),
        },
        "hardware": hardware(),
        "versions": versions(),
    }
    for part in ("without_shift", "with_shift"):
        msg.table(
            [
                (name, *(f"{found[figure]:.4f}" for figure in FIGURES))
                for name, found in result[part].items()
            ],
            header=(part, *FIGURES),
            aligns=("l", "r", "r", "r"),
            divider=True,
        )
    print(result["threshold"])
    path = ROOT / "benchmarks" / "results" / f"calibration-{run}.json"
    write_json(path, result)
    msg.good(f"Saved: {path}")


if __name__ == "__main__":
    app()
