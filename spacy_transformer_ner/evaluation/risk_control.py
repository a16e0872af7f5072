"""Thresholds that come with a promise: at most a share of the entities is missed, or at most a
share of the reported ones is wrong.

Thresholds are tested one by one, from one that is chosen without looking at the annotation, up to
the first that fails: Learn then Test (Angelopoulos et al., 2021, "Learn then Test: Calibrating
Predictive Algorithms to Achieve Risk Control") with fixed sequence testing. A share of missed
entities only grows with the threshold, as in conformal risk control (Angelopoulos et al., 2022),
so nothing is lost by that. Documents are the units that must be exchangeable, not entities: the
mistakes of a document depend on each other."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from math import ceil, log
from typing import Literal, cast

import numpy
from scipy.stats import t as student
from spacy.language import Language

from ..corpus.reader import AnyCorpus, annotated_docs
from ..errors import InputError
from ..progress import Progress, no_progress
from ..recogniser.component import RAISED
from ..recogniser.prediction import ScoredSpans
from ..results import Result
from .reliability import ThresholdPoint, encoded, entities_of, find_recogniser

# Candidates with a lower score are not considered.
LOWEST = 0.001
# Thresholds have four decimals.
STEP = 1e-4
# The number of thresholds on a curve, from 0 to 1.
POINTS = 200
SEED = 0

Risk = Literal["missed", "wrong"]
MEANING: dict[Risk, str] = {
    "missed": "of the entities are missed",
    "wrong": "of the reported entities are wrong",
}


@dataclass(frozen=True)
class Promise(Result):
    """What is promised of a threshold for text like the corpus, documents drawn independently.

    risk (str): "missed": entities that are not among the candidates. "wrong": reported entities
        that are wrong.
    at_most (float): The highest share. It holds for all entities together, by a t-test over
        documents, which is approximate; and for the mean over documents, which is exact for
        any number of documents (Waudby-Smith and Ramdas, 2023, "Estimating means of bounded
        random variables by betting").
    level (float): The probability that the corpus leads to a threshold that keeps the promise.
    documents (int): The number of documents that the promise rests on.
    share, mean_share (float): The share in the corpus, of all entities together and the mean
        over documents.
    """

    risk: Risk
    at_most: float
    level: float
    documents: int
    share: float
    mean_share: float


@dataclass(frozen=True)
class Spans:
    """Scored spans of the documents of a corpus.

    documents (ndarray): The index of each span's document. Shape: (spans,), int64
    scores (ndarray): The highest threshold that keeps each span. Shape: (spans,)
    right (ndarray): Whether each span is an annotated entity. Shape: (spans,), bool
    gold (ndarray): The number of entities of each document. Shape: (documents,), int64
    """

    documents: numpy.ndarray
    scores: numpy.ndarray
    right: numpy.ndarray
    gold: numpy.ndarray

    def select(self, chosen: numpy.ndarray) -> "Spans":
        """chosen (ndarray): Which documents to select. Shape: (documents,), bool
        RETURNS (Spans): The spans of these documents."""
        kept = chosen[self.documents]
        numbers = numpy.cumsum(chosen) - 1
        return Spans(
            numbers[self.documents[kept]], self.scores[kept], self.right[kept], self.gold[chosen]
        )

    def counts(self, risk: Risk, threshold: float) -> tuple[numpy.ndarray, numpy.ndarray]:
        """Count by document, without documents that have nothing to count.

        risk (str): See `Promise`.
        threshold (float): The threshold.
        RETURNS (tuple[ndarray, ndarray]): What is missed or wrong, and of how many.
            Shape: (documents,) each
        """
        kept = self.scores >= threshold
        found, right = (
            numpy.bincount(self.documents[of], minlength=len(self.gold))
            for of in (kept, kept & self.right)
        )
        bad, of = (self.gold - right, self.gold) if risk == "missed" else (found - right, found)
        return bad[of > 0], of[of > 0]

    def curve(self) -> tuple[ThresholdPoint, ...]:
        """RETURNS (tuple[ThresholdPoint, ...]): Precision and recall at some thresholds."""
        return tuple(self.point(i / POINTS) for i in range(POINTS)) if len(self.scores) else ()

    def point(self, threshold: float) -> ThresholdPoint:
        """threshold (float): A threshold.
        RETURNS (ThresholdPoint): Its precision and recall."""
        kept = self.scores >= threshold
        right = int((kept & self.right).sum())
        return ThresholdPoint(
            threshold=threshold,
            precision=right / max(int(kept.sum()), 1),
            recall=right / max(int(self.gold.sum()), 1),
            kept=int(kept.sum()),
        )


def scored_spans(
    nlp: Language, corpus: AnyCorpus, progress: Progress = no_progress
) -> dict[Risk, Spans]:
    """Run a pipeline over the raw text of a corpus. Its own thresholds are ignored and not
    changed.

    nlp (Language): The pipeline.
    corpus (str | Path | Iterable[Doc]): See `thresholds.find_threshold`.
    progress (Callable): Progress callback for the texts.
    RETURNS (dict[str, Spans]): The candidates under "missed", the entities under "wrong".
    RAISES: InputError if the pipeline has no transformer_ner, or the corpus cannot be read.
    """
    _, recogniser = find_recogniser(nlp)
    references = annotated_docs(corpus, nlp.vocab, cast(str, nlp.lang))
    wanted = [entities_of(reference) for reference in references]
    found: dict[Risk, list[tuple[int, float, bool]]] = {"missed": [], "wrong": []}
    number = 0
    with recogniser.unlimited(LOWEST):
        for batch in encoded(nlp, progress((r.text for r in references), len(references))):
            for doc, prediction in zip(batch, recogniser.predict(batch)):
                candidates = cast(ScoredSpans, prediction.candidates)
                least = numpy.minimum(candidates.scores, RAISED * candidates.marginals)
                entities = prediction.entities
                parts: tuple[tuple[Risk, ScoredSpans, numpy.ndarray], ...] = (
                    ("missed", candidates, least),
                    ("wrong", entities, entities.scores),
                )
                for risk, spans, scores in parts:
                    for span, score in zip(spans.of(doc, recogniser.labels), scores.tolist()):
                        place = span.start_char, span.end_char, span.label_
                        found[risk].append((number, score, place in wanted[number]))
                number += 1
    gold = numpy.array([len(entities) for entities in wanted], dtype="int64")
    return {
        risk: Spans(
            documents=numpy.array([number for number, _, _ in of], dtype="int64"),
            scores=numpy.array([score for _, score, _ in of], dtype="float64"),
            right=numpy.array([is_right for _, _, is_right in of], dtype=bool),
            gold=gold,
        )
        for risk, of in found.items()
    }


def p_value(bad: numpy.ndarray, of: numpy.ndarray, at_most: float, level: float) -> float:
    """Compute how likely so few mistakes are if the share of all entities, or its mean over
    documents, is in truth higher than `at_most`.

    bad (ndarray): The mistakes of each document. Shape: (documents,)
    of (ndarray): The number of entities that they are a share of, above 0. Shape: (documents,)
    at_most (float): The share, below 1.
    level (float): The level that the bets of the exact test are best for.
    RETURNS (float): The higher of both p-values.
    """
    n = len(bad)
    if n < 2:
        return 1.0
    # All entities together: is the mean of these differences below 0?
    over = bad - at_most * of
    error = over.std(ddof=1) / numpy.sqrt(n)
    approximate = student.cdf(over.mean() / error, n - 1) if error else float(over.mean() >= 0)
    # The mean over documents: the capital of who bets against a higher one grows by chance to
    # 1 / p with probability p at most. Bets depend on the documents before. If the documents
    # are in an order, they are not drawn independently.
    shares = numpy.random.default_rng(SEED).permutation(bad / of)
    seen = numpy.arange(1, n + 1)
    means = (0.5 + numpy.cumsum(shares)) / (seen + 1)
    variances = (0.25 + numpy.cumsum((shares - means) ** 2)) / (seen + 1)
    before = numpy.append(0.25, variances[:-1])
    bets = numpy.minimum(
        numpy.sqrt(2.0 * log(1.0 / (1.0 - level)) / (n * before)), 0.99 / (1.0 - at_most)
    )
    capital = numpy.cumsum(numpy.log1p(bets * (at_most - shares))).max()
    return float(max(approximate, numpy.exp(-max(capital, 0.0))))


def find_promise(
    spans: Spans, risk: Risk, at_most: float, level: float
) -> tuple[ThresholdPoint, Promise]:
    """Find the threshold that keeps a promise: the highest if entities may be missed, the lowest
    if they may be wrong.

    spans (Spans): The spans of a corpus, see `scored_spans`.
    risk, at_most, level: See `Promise`.
    RETURNS (tuple[ThresholdPoint, Promise]): The threshold, and what is promised.
    RAISES: InputError if the corpus is too small for the promise, or it cannot be kept.
    """
    test = partial(p_value, at_most=at_most, level=level)
    passed = None
    for threshold in _thresholds(spans, risk, at_most):
        bad, of = spans.counts(risk, threshold)
        if test(bad, of) > 1.0 - level:
            break
        passed = threshold, bad, of
    if passed is None:
        raise _refused(risk, at_most, level, bad, of, threshold)
    threshold, bad, of = passed
    promise = Promise(
        risk=risk,
        at_most=at_most,
        level=level,
        documents=len(of),
        share=float(bad.sum() / of.sum()),
        mean_share=float((bad / of).mean()),
    )
    return spans.point(threshold), promise


def _thresholds(spans: Spans, risk: Risk, at_most: float) -> Iterator[float]:
    """Yield the thresholds to test. The first one does not depend on the annotation: all
    candidates; or the entities that each are wrong with a probability of `at_most` or less."""
    counting = spans.scores[spans.right] if risk == "missed" else spans.scores
    rounded = numpy.unique(numpy.floor(counting / STEP + 1e-6) * STEP).round(4)
    if risk == "missed":
        yield LOWEST
        yield from rounded[rounded > LOWEST].tolist()
    else:
        yield round(1.0 - at_most, 4)
        yield from rounded[rounded < 1.0 - at_most][::-1].tolist()


def _refused(
    risk: Risk, at_most: float, level: float, bad: numpy.ndarray, of: numpy.ndarray, at: float
) -> InputError:
    wanted = f"that at most {at_most:.1%} {MEANING[risk]}, at level {level:g}"
    if len(of) < (needed := documents_needed(at_most, level)):
        return InputError(
            f"the corpus is too small to promise {wanted}: "
            f"{'the pipeline finds entities in' if risk == 'wrong' else 'entities are in'} "
            f"{len(of)} documents, and even without a mistake it takes {needed}. Use more "
            "documents, or allow a higher share."
        )
    together, mean = bad.sum() / of.sum(), (bad / of).mean()
    what = (
        "even the least likely candidates"
        if risk == "missed"
        else f"even with a threshold of {at:g}, what the scores call right"
    )
    verb = "miss" if risk == "missed" else "has"
    return InputError(
        f"cannot promise {wanted}: {what} {verb} {together:.1%}{' wrong' * (risk == 'wrong')} "
        f"({mean:.1%} in the mean over {len(of)} documents). "
        + (
            "Use more documents, or allow a higher share."
            if max(together, mean) < at_most
            else "Allow a higher share."
            if risk == "missed"
            else "Allow a higher share, or run `spacy ner calibrate` first if the scores are not "
            "calibrated."
        )
    )


def documents_needed(at_most: float, level: float) -> int:
    """at_most, level: See `Promise`.
    RETURNS (int): The number of documents that a promise takes if there are no mistakes."""
    n = ceil(log(1.0 - level) / log(1.0 - at_most))
    while p_value(numpy.zeros(n), numpy.ones(n), at_most, level) > 1.0 - level:
        n += 1
    return n
