"""The causes of mistakes: what the check, the figures, the training and the scores say together."""

from collections.abc import Callable, Iterator

from markupsafe import Markup

from ..wording import counted
from .advice import FEW, Advice, bdi, ranked
from .contents import Contents
from .type_causes import boundaries, confused, few_examples, weak_type

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
    errors = [f for f in c.findings if f["severity"] == "error"]
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
    for finding in c.findings:
        is_leak = finding["kind"].endswith("duplicate-across") and finding["severity"] == "warning"
        if is_leak and finding["splits"] == ["train", c.split]:
            yield Advice(
                finding["kind"],
                f"Remove the documents of {c.split} from train.",
                Markup("{}: the scores are too good.").format(bdi(finding["message"])),
                section="corpus",
                is_first=True,
            )


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
    cut = [f for f in c.findings if f["kind"] == "tokeniser-boundary" and f["splits"] == [c.split]]
    n_cut = sum(f["count"] for f in cut)
    why = Markup("F1 is {:.3f} on the tokens and sentences of the corpus, but {:.3f} on raw text.")
    why = why.format(gold["f"], here["f"])
    if 2 * n_cut >= lost:
        why += Markup(" spaCy splits it differently. For example: {}").format(
            bdi(cut[0]["examples"][0])
        )
        do = "Add the corpus' rules to spaCy's tokenizer."
    elif c.findings:
        why += f" {counted(n_cut, '[entity does|entities do]')} not match the tokens of spaCy."
        do = "Split raw text into sentences as the corpus does, before the transformer."
        why += " A sentencizer may not do: headlines and tables have no full stops."
    else:
        do = "Find out with <code>spacy ner check</code> whether tokens or sentences differ."
    yield Advice("tokens", Markup(do), why, lost, section="corpus" if c.findings else "types")


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
            f"In {counted(len(c.doubted), '[mistake|mistakes]')}, the check finds the annotation of "
            f"{c.split} inconsistent, too. They come first in the list. {others}".strip(),
            len(c.doubted),
            gain="Corrections here make the figures right; only those in train improve the "
            "pipeline.",
            section="mistakes",
        )
        return
    confident = sum(m["score"] is not None and m["score"] >= CONFIDENT for m in c.mistakes)
    if in_train or (confident >= FEW and _ece(c) <= MAX_ECE and not c.can_overlap):
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


def calibration(c: Contents) -> Iterator[Advice]:
    """Scores that say more or less than they should."""
    confidence = c.text["confidence"]
    if not confidence or c.can_overlap or _ece(c) <= MAX_ECE:
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
