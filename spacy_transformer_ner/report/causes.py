"""The causes of mistakes: what the check, the figures, the training and the scores say together."""

from collections import Counter
from collections.abc import Callable, Iterator

from markupsafe import Markup

from ..evaluation.error_types import NONE
from ..wording import counted
from .advice import Advice, bdi, ranked
from .contents import Contents

# Causes of fewer mistakes are left out.
FEW = 5
# A type with fewer entities in train can hardly be learned.
RARE = 20
# A type is underrepresented if its share of train is so many times smaller.
TIMES_RARER = 2
# Types named in one piece of advice.
NAMED = 3
CONFIDENT = 0.9
# Larger errors of calibration mislead.
MAX_ECE = 0.05
# A training had not converged if the score rose by this in its last fifth.
MIN_RISE = 0.005
# Wider intervals of F1 decide nothing.
MAX_WIDTH = 0.1


def advise(contents: Contents) -> list[Advice]:
    """Suggest what to do next.

    contents (Contents): What is known. Causes that need more are left out.
    RETURNS (list[Advice]): The advice that explains most mistakes first.
    """
    return ranked(piece for cause in CAUSES for piece in cause(contents))


def errors_of_the_corpus(c: Contents) -> Iterator[Advice]:
    """The check found an error."""
    errors = [f for f in (c.check or {"findings": ()})["findings"] if f["severity"] == "error"]
    if errors:
        yield Advice(
            "corpus-error",
            counted(len(errors), "[error|errors] of the corpus: fix [it|them] first."),
            Markup("{}.").format(bdi(errors[0]["message"])),
            section="corpus",
            is_first=True,
        )


def leaks(c: Contents) -> Iterator[Advice]:
    """The evaluated texts are in the training data."""
    if c.split == "train":
        yield Advice(
            "evaluated-on-train",
            "Evaluate on texts that the pipeline was not trained on.",
            "These are its training data, so the figures say nothing about new texts.",
            is_first=True,
        )
    for finding in (c.check or {"findings": ()})["findings"]:
        is_leak = finding["kind"].endswith("duplicate-across") and finding["severity"] == "warning"
        message = finding["message"]
        if is_leak and f" of {c.split} " in message and message.endswith(" of train"):
            yield Advice(
                finding["kind"],
                f"Remove the documents of {c.split} from train.",
                Markup("{}: the scores are too good.").format(bdi(finding["message"])),
                section="corpus",
                is_first=True,
            )


def _scarce(c: Contents) -> dict[str, float]:
    """The types with too few entities in train, and how many more of their entities would be
    found at the recall of the other types."""
    train = c.per_split.get("train")
    if not train:
        return {}
    n_train, n_here = sum(train.values()), max(sum(c.entities.values()), 1)
    scarce = {
        label
        for label, n in c.entities.items()
        if train.get(label, 0) < RARE or train[label] / n_train * TIMES_RARER < n / n_here
    }
    lost = {label: _excess(c, label, c.entities.keys() - scarce) for label in scarce}
    return {label: n for label, n in lost.items() if n > 0}


def _excess(c: Contents, label: str, others: set[str]) -> float:
    """How many more entities of a type would be found at the recall of others."""
    rows = c.text["entities_per_type"]
    n = sum(c.entities[other] for other in others)
    recall = sum(rows[other]["tp"] for other in others) / n if n else 0.0
    return recall * c.entities[label] - rows[label]["tp"]


def few_examples(c: Contents) -> Iterator[Advice]:
    """Types that are rare in train, in all or compared with the evaluated data."""
    scarce = Counter(_scarce(c))
    lost = sum(scarce.values())
    if lost < FEW:
        return
    train = c.per_split["train"]
    n_train, n_here = sum(train.values()), sum(c.entities.values())
    most = [label for label, n in scarce.most_common(NAMED) if n >= 1]
    figures = Markup("; ").join(
        Markup("{}: {} in train, {:.0%} of {} but {} of train").format(
            bdi(label), f"{train.get(label, 0):,}", c.entities[label] / n_here, c.split,
            _percent(train.get(label, 0) / n_train),
        )
        for label in most
    )  # fmt: skip
    unlike = any(
        c.entities[label] / n_here > TIMES_RARER * train.get(label, 0) / n_train for label in most
    )
    do = Markup("Annotate more texts with {}").format(_listed(most))
    if unlike and c.split in ("dev", "test"):
        do += Markup(", or split the data again: <code>convert --split 80,10,10</code>")
    mistaken: Counter[str] = Counter()
    for label in most:
        mistaken.update(c.found_as[label])
    (other, n), *_ = mistaken.most_common(1) or [(NONE, 0)]
    seen_as = Markup("mistaken for {}").format(bdi(other)) if other != NONE else "missed"
    why = Markup("{}. Most often they are {} ({} times).").format(figures, seen_as, f"{n:,}")
    yield Advice("few-examples", do + ".", why, lost, section="types")


def unseen(c: Contents) -> Iterator[Advice]:
    """Names that train does not have, and a dev set that has what train lacks."""
    parts = c.text["slices"].get("seen in training", {})
    seen, new = parts.get("seen"), parts.get("not seen")
    n_new = new["tp"] + new["fn"] if new else 0
    lost = (seen["r"] - new["r"]) * n_new if seen and n_new else 0.0
    why = ""
    if seen and n_new:
        share = n_new / max(sum(c.entities.values()), 1)
        why = (
            f"{share:.0%} of the entities of {c.split} do not occur in train. Recall is "
            f"{new['r']:.0%} for them, and {seen['r']:.0%} for those that train has with their "
            "type."
        )
    train, dev = (c.splits.get(name) for name in ("train", "dev"))
    if train and dev and dev["tokens"] > train["tokens"]:
        yield Advice(
            "large-dev",
            "Move documents from dev to train: that needs no annotation.",
            f"Dev has {dev['tokens']:,} tokens, and train only {train['tokens']:,}. {why}".strip(),
            max(lost, 0.0),
            gain=_of_curve(c),
            section="corpus",
        )
    elif lost >= FEW and seen and new and seen["r"] - new["r"] > 0.05:
        yield Advice(
            "unseen",
            "Annotate documents with new names, rather than more of the same.",
            why,
            lost,
            gain=_of_curve(c),
            section="more" if c.learning_curve else "where",
        )


def _of_curve(c: Contents) -> str:
    """What more labels give, by the learning curve."""
    more = (c.learning_curve or {"all": {"more": {}}})["all"]["more"]
    twice = more.get("2") or more.get(2)
    if not twice:
        return ""
    now = c.learning_curve["all"]["points"][-1]["f"] if c.learning_curve else 0.0
    return (
        f"By the learning curve, twice as many documents give an F1 of {twice['f']:.3f} on dev "
        f"({twice['low']:.3f} to {twice['high']:.3f}), after {now:.3f}."
    )


def short_training(c: Contents) -> Iterator[Advice]:
    """The score on dev was still rising when the training ended."""
    scores = {record["step"]: record["score"] for record in c.history}
    if len(scores) < 5:
        return
    last, best = max(scores), max(scores, key=lambda step: (scores[step], step))
    before = max(score for step, score in scores.items() if step <= 0.8 * last)
    rise = scores[best] - before
    if best > 0.8 * last and rise >= MIN_RISE:
        epochs = c.history[-1]["epoch"] + 1
        yield Advice(
            "short-training",
            Markup(
                "Train longer: <code>--training.max_steps {} --training.max_epochs {}</code>."
            ).format(2 * last, 2 * epochs),
            f"The score on dev rose by {rise:.3f} in the last fifth of the "
            f"{counted(last, '[step|steps]')} ({counted(epochs, '[epoch|epochs]')}).",
            rise * sum(c.entities.values()),
            gain="The estimate is another such rise.",
            section="training",
        )


def tokens(c: Contents) -> Iterator[Advice]:
    """Entities that cannot be found in raw text, because of its tokens or missing sentences."""
    gold = c.evaluation["gold"]["entities"]
    here = c.text["entities"]
    lost = here["fn"] - gold["fn"]
    if gold["f"] - here["f"] <= 0.01 or lost < FEW:
        return
    findings = {f["message"]: f for f in (c.check or {"findings": ()})["findings"]}
    cut = next(
        (
            f
            for message, f in findings.items()
            if f["kind"] == "tokeniser-boundary" and f" of {c.split} " in message
        ),
        None,
    )
    example = Markup(" For example: {}").format(bdi(cut["examples"][0])) if cut else ""
    yield Advice(
        "tokens",
        "Add the corpus' rules to spaCy's tokenizer, or a sentencizer before the transformer.",
        Markup(
            "F1 is {:.3f} on the tokens and sentences of the corpus, but {:.3f} on raw text, which "
            "spaCy splits differently.{}"
        ).format(gold["f"], here["f"], example),
        lost,
        section="corpus" if cut else "types",
    )


def wrong_labels(c: Contents) -> Iterator[Advice]:
    """Annotation that both the check and the pipeline doubt, or one of them."""
    in_train = sum(s["meta"]["split"] == "train" for s in c.suspects)
    others = (
        counted(in_train, "[suspect is|suspects are] in train: correcting [it|them] also improves ")
        + "the pipeline."
        if in_train
        else ""
    )
    if c.doubted:
        yield Advice(
            "suspects",
            "Review the labels that both the check and the pipeline doubt.",
            counted(
                len(c.doubted),
                "[mistake is|mistakes are] where the check finds the annotation of "
                f"{c.split} inconsistent; [it comes|they come] first in the list. {others}",
            ).strip(),
            len(c.doubted),
            gain="Corrections here make the figures right; only those in train improve the "
            "pipeline.",
            section="mistakes",
        )
        return
    confident = sum(m["score"] is not None and m["score"] >= CONFIDENT for m in c.mistakes)
    if in_train or (confident >= FEW and _ece(c) <= MAX_ECE):
        yield Advice(
            "suspects",
            "Review the suspects in train." if in_train else Markup(
                "Look for wrong labels in train: <code>spacy ner suspects --folds 5</code>."
            ),
            others or counted(
                confident,
                f"[mistake has|mistakes have] a score of {CONFIDENT} or more. Some may be errors of "
                f"the annotation of {c.split}, and train may have the same.",
            ),
            0 if in_train else confident,
            section="suspects" if in_train else "mistakes",
        )  # fmt: skip


def confused(c: Contents) -> Iterator[Advice]:
    """Two types that are confused, although train has enough of both."""
    scarce = _scarce(c)
    pairs: Counter[tuple[str, str]] = Counter()
    for label, row in c.found_as.items():
        for other, n in row.items():
            if other != NONE and not {label, other} & scarce.keys():
                pairs[min(label, other), max(label, other)] += n
    for (first, second), n in pairs.most_common(1):
        if n >= FEW:
            one, two = bdi(first), bdi(second)
            yield Advice(
                "confused",
                Markup("Write down what distinguishes {} from {}, and correct train by it.").format(
                    one, two
                ),
                Markup("{} {} are found as {}, and {} {} as {}.").format(
                    c.found_as.get(first, Counter())[second], one, two,
                    c.found_as.get(second, Counter())[first], two, one,
                ),
                n,
                section="where",
            )  # fmt: skip


def boundaries(c: Contents) -> Iterator[Advice]:
    """The right type with wrong boundaries, whatever the tokens."""
    of_both = [c.evaluation[name]["error_types"]["boundary"] for name in ("text", "gold")]
    if min(of_both) < max(FEW, 0.2 * c.n_mistakes):
        return
    wrong = [m for m in c.mistakes if m["kind"] == "boundary"]
    shorter = sum(len(m["predicted"]["text"]) < len(m["gold"]["text"]) for m in wrong)
    side = "too short" if 2 * shorter >= len(wrong) else "too long"
    yield Advice(
        "boundaries",
        "Check that boundaries are annotated consistently: titles, hyphens, words like “of”.",
        f"{min(of_both):,} entities have the right type, but wrong boundaries"
        + (f"; most predictions are {side}." if wrong else "."),
        min(of_both),
        section="mistakes",
    )


def weak_type(c: Contents) -> Iterator[Advice]:
    """A type that is found less often than others, although train has enough of it."""
    scarce = _scarce(c).keys()
    enough = c.entities.keys() - scarce
    lost = {label: _excess(c, label, enough - {label}) for label in sorted(enough)}
    label = max(lost, key=lambda label: lost[label], default=None)
    if label is None or lost[label] < FEW or len(enough) < 2:
        return
    n, reasons = c.entities[label], Counter(c.found_as[label])
    missed = reasons.pop(NONE, 0)
    (other, times), *_ = reasons.most_common(1) or [(NONE, 0)]
    why = Markup("Of {} {}, {} are missed").format(f"{n:,}", bdi(label), f"{missed:,}")
    if times:
        why += Markup(", and {} are found as {}").format(f"{times:,}", bdi(other))
    in_train = c.per_split.get("train", {}).get(label)
    yield Advice(
        "weak-type",
        Markup("Read the mistakes of {}: is it annotated in the same way everywhere?").format(
            bdi(label)
        ),
        why + (f". Train has {in_train:,}." if in_train else "."),
        lost[label],
        section="mistakes",
    )


def calibration(c: Contents) -> Iterator[Advice]:
    """Scores that say more or less than they should."""
    confidence = c.text["confidence"]
    if not confidence or _ece(c) <= MAX_ECE:
        return
    after = confidence["after"]
    is_calibrated = after["ece"] != confidence["before"]["ece"]
    failed = c.calibration is not None and not c.calibration["calibration"]
    if is_calibrated:
        do = Markup("Calibrate the scores on data that is like {}.").format(bdi(c.split))
    elif failed:
        do = Markup("Use more dev data: there was too little to calibrate the scores.")
    else:
        do = Markup("Calibrate the scores: <code>spacy ner calibrate</code> with dev.")
    yield Advice(
        "calibration",
        do,
        f"The mean score of the entities is {after['mean_score']:.2f}, but {after['precision']:.0%} "
        "of them are right. Thresholds and the order of the mistakes depend on the scores.",
        section="scores",
    )


def _ece(c: Contents) -> float:
    confidence = c.text["confidence"]
    return confidence["after"]["ece"] if confidence else 0.0


def small_test(c: Contents) -> Iterator[Advice]:
    """Too few entities to tell one pipeline from another."""
    interval = c.text["intervals"]["all"].get("f")
    if interval and interval["high"] - interval["low"] > MAX_WIDTH:
        yield Advice(
            "small-test",
            f"Annotate more of {c.split} before you compare pipelines.",
            f"With {counted(sum(c.entities.values()), '[entity|entities]')}, F1 can be anything "
            f"from {interval['low']:.2f} to {interval['high']:.2f}.",
            section="types",
        )


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.005 or not share else f"{share:.1%}"


def _listed(labels: list[str]) -> Markup:
    *first, last = map(bdi, labels)
    return Markup(" and ").join([Markup(", ").join(first), last]) if first else last


# Each takes the contents, and yields the advice for its cause.
CAUSES: tuple[Callable[[Contents], Iterator[Advice]], ...] = (
    errors_of_the_corpus,
    leaks,
    few_examples,
    unseen,
    short_training,
    tokens,
    wrong_labels,
    confused,
    boundaries,
    weak_type,
    calibration,
    small_test,
)
