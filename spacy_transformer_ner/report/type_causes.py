"""Causes of mistakes that concern types and their boundaries."""

from collections import Counter
from collections.abc import Collection, Iterator

from markupsafe import Markup

from ..evaluation.error_types import NONE
from .advice import FEW, Advice, bdi
from .contents import Contents

# A type with fewer entities in train can hardly be learned.
RARE = 20
# A type is underrepresented if its share of train is so many times smaller.
TIMES_RARER = 2
# Types named in one piece of advice.
NAMED = 3


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
    others = c.entities.keys() - scarce or c.entities.keys()
    lost = {label: _excess(c, label, others) for label in scarce}
    return {label: n for label, n in lost.items() if n > 0}


def _excess(c: Contents, label: str, others: Collection[str]) -> float:
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
        Markup("{}: {} in train ({}) and {} in {} ({})").format(
            bdi(label), f"{train.get(label, 0):,}", _percent(train.get(label, 0) / n_train),
            f"{c.entities[label]:,}", c.split, _percent(c.entities[label] / n_here),
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


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.005 or not share else f"{share:.1%}"


def _listed(labels: list[str]) -> Markup:
    *first, last = map(bdi, labels)
    return Markup(" and ").join([Markup(", ").join(first), last]) if first else last
