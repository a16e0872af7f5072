"""What a packaged pipeline says of itself: its meta.json, and its card."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from spacy.cli.package import generate_readme

from ..encoder.sources import describe_encoder

# More labels are not named one by one.
MAX_LABELS = 30
# What is not text in Markdown, tables of GitHub included. An underscore is, within a word.
MARKS = re.compile(r"[\\`*\[\]<>|&~]|(?<![^\W_])_|_(?![^\W_])")
# Line breaks and other controls end a table's row; marks of direction turn what follows.
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
DIRECTIONS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Card:
    """What a packaged pipeline says of itself.

    name (str): Its name without the language, e.g. "ner_sample_minilm".
    version (str): Its version, e.g. "0.1.0".
    dataset (str): What it was trained on.
    encoder (str): The pretrained encoder it was trained from; empty for what the
        pipeline's config says.
    author, license (str): As usual; empty if unknown.
    """

    name: str
    version: str
    dataset: str
    encoder: str
    author: str = ""
    license: str = ""


@dataclass(frozen=True)
class Made:
    """What the commands of the project wrote of a pipeline.

    metrics (dict | None): Of evaluate.
    history (Sequence[dict]): Of train, see `report.history.history_logger`.
    corpus (dict | None): Of convert: what each file of the corpus holds.
    """

    metrics: dict[str, Any] | None = None
    history: Sequence[dict[str, Any]] = ()
    corpus: Mapping[str, dict[str, Any]] | None = None


def package_name(name: str) -> str:
    """Make a name fit for a Python package.

    name (str): e.g. "ner_conll2003_bert-base-cased".
    RETURNS (str): e.g. "ner_conll2003_bert_base_cased".
    """
    return re.sub(r"[^0-9a-z]+", "_", name.lower()).strip("_")


def card_meta(meta: Mapping[str, Any], card: Card, made: Made) -> dict[str, Any]:
    """Make the meta.json of a packaged pipeline. spaCy makes a card of it, with the
    "notes" at its end.

    meta (Mapping): The trained pipeline's.
    card (Card): What it is called.
    made (Made): What the commands wrote of it.
    RETURNS (dict): The new one.
    """
    encoder = describe_encoder(card.encoder)
    labels = [label for labels in meta.get("labels", {}).values() for label in labels]
    meta = {
        **meta,
        "name": package_name(card.name),
        "version": card.version,
        "description": f"Named entity recognition ({_listed(labels)}) trained on "
        f"{card.dataset}, from the encoder {encoder['name']}.",
        "author": card.author,
        "license": card.license,
        "sources": [{"name": f"{card.dataset} (training data)"}, encoder],
    }
    card = replace(card, dataset=_text(card.dataset), license=_text(card.license))
    encoder = {key: _text(value) for key, value in encoder.items()}
    sections = {"Intended use": _use(meta, labels, card), "Limits": _limits(made.metrics)}
    if made.metrics is not None:
        text = made.metrics["text"]
        keys = ("ents_f", "ents_p", "ents_r", "ents_per_type", "token_accuracy", "speed")
        meta["performance"] = {**{key: text[key] for key in keys}, "evaluation": made.metrics}
        sections["Entities per type"] = _scores(made.metrics)
        if text.get("confidence") is not None:
            sections["Scores"] = _confidence(text["confidence"])
    sections["Data"] = _data(card, made.corpus)
    sections["Training"] = _training(encoder["name"], made.history)
    sections["Licence"] = _licence(card, encoder)
    meta["notes"] = "\n\n".join(f"### {title}\n\n{text}" for title, text in sections.items())
    return meta


def readme(meta: Mapping[str, Any]) -> str:
    """Make the card of a pipeline, as spaCy does, with all names as the text they are.

    meta (Mapping): From `card_meta`.
    RETURNS (str): The Markdown.
    """
    shown = {key: value for key, value in meta.items() if value != ""}
    shown |= {key: _text(shown[key]) for key in ("description", "author") if key in shown}
    shown["sources"] = [
        {key: value if key == "url" else _text(value) for key, value in source.items()}
        for source in meta["sources"]
    ]
    shown["labels"] = {
        name: [_code(label) for label in labels] for name, labels in meta.get("labels", {}).items()
    }
    if "license" in shown:
        shown["license"] = _code(shown["license"]).replace("|", "\\|")
    return generate_readme(shown)


def _text(value: object) -> str:
    """Any text as Markdown that shows it, on one line."""
    return MARKS.sub(r"\\\g<0>", _plain(value))


def _code(value: object) -> str:
    """Any text as what spaCy puts between backticks."""
    return _plain(value).replace("`", "'")


def _plain(value: object) -> str:
    return DIRECTIONS.sub("", CONTROLS.sub(" ", str(value)))


def _listed(labels: Sequence[str]) -> str:
    more = len(labels) - MAX_LABELS
    return ", ".join(labels[:MAX_LABELS]) + (f" and {more} more" if more > 0 else "")


def _use(meta: Mapping[str, Any], labels: Sequence[str], card: Card) -> str:
    return f"""To find {_listed(list(map(_text, labels)))} in texts (language: {meta["lang"]}) like those of \
{card.dataset}, as a part of software or to prepare texts for people:

```python
import spacy

nlp = spacy.load("{meta["lang"]}_{meta["name"]}")
doc = nlp("Some text.")
print([(ent.text, ent.label_, ent._.score) for ent in doc.ents])
```

It is not meant to decide anything about people without somebody who looks at it."""


def _limits(metrics: Mapping[str, Any] | None) -> str:
    limits = [
        "On texts of another kind, time or topic than those it was trained on it finds less, "
        "and more that is wrong. Measure it on your own.",
        "Entities neither overlap nor nest, and each is found by itself: a name can be found in "
        "one sentence and missed in the next.",
        "What its training data leaves out or gets wrong, it does too. Whether it finds the "
        "names of all peoples and places alike has not been measured.",
    ]
    if metrics is not None:
        counts = metrics["text"]["entities_per_type"]
        worst = min(counts, key=lambda label: counts[label]["f"])
        limits.append(f"It is worst at {_text(worst)}: F1 {counts[worst]['f']:.4f}.")
        seen = metrics["text"].get("slices", {}).get("seen in training", {})
        if {"seen", "not seen"} <= seen.keys():
            limits.append(
                f"Entities that its training data does not have: F1 {seen['not seen']['f']:.4f}; "
                f"those that it has: {seen['seen']['f']:.4f}."
            )
    return "\n".join(f"- {limit}" for limit in limits)


def _scores(metrics: Mapping[str, Any]) -> str:
    text = metrics["text"]
    intervals = text["intervals"]
    rows = [
        (
            _text(label) if label else "**all types**",
            *(f"{counts[figure]:.4f}" for figure in "prf"),
            _interval(interval),
            *(str(counts[figure]) for figure in ("tp", "fp", "fn")),
        )
        for label, counts, interval in (
            *((k, c, intervals["of"].get(k)) for k, c in text["entities_per_type"].items()),
            # No type is called so, but one may be called "all".
            ("", text["entities"], intervals.get("all")),
        )
    ]
    level = f"F1, {text['intervals']['level']:.0%}"
    wrong = text["error_types"]
    return f"""On {_text(metrics["corpus"])}, raw text, exact match of characters and label:

{_table(("type", "precision", "recall", "F1", level, "TP", "FP", "FN"), rows)}

Of the mistakes, {wrong["missed"]} are missed entities, {wrong["spurious"]} spurious ones, \
{wrong["type"]} have the wrong type, {wrong["boundary"]} the wrong boundaries, {wrong["both"]} both.

On the same corpus with its own tokens: F1 {metrics["gold"]["entities"]["f"]:.4f}. `ENTS_F` above \
is what `spacy evaluate` gives; it counts an entity as right too if it is a part of the right \
token. All figures are in `meta.json`, in `performance.evaluation`."""


def _interval(interval: Mapping[str, Any] | None) -> str:
    return "{low:.3f} to {high:.3f}".format(**interval["f"]) if interval else "–"


def _confidence(figures: Mapping[str, Any]) -> str:
    after = figures["after"]
    return (
        f"`ent._.score` is how probable it is that an entity is right. Here the mean score is "
        f"{after['mean_score']:.4f}, and {after['precision']:.4f} of the entities are right; the "
        f"expected calibration error is {after['ece']:.4f} ({figures['binning']}), the Brier score "
        f"{after['brier']:.4f}."
    )


def _data(card: Card, corpus: Mapping[str, dict[str, Any]] | None) -> str:
    if not corpus:
        return f"Trained on {card.dataset}."
    columns = ("documents", "sentences", "words", "entities")
    totals: Counter[str] = Counter()
    for split in corpus.values():
        totals.update(split["labels"])
    labels = sorted(label for label, _ in totals.most_common(MAX_LABELS))
    rows = [
        (
            _text(Path(name).stem),
            *(f"{split[column]:,}" for column in columns),
            *(f"{split['labels'].get(label, 0):,}" for label in labels),
        )
        for name, split in corpus.items()
    ]
    # Names alone: where they lay is nobody's business.
    sources = sorted(
        {Path(file["source"]).name for split in corpus.values() for file in split["files"]}
    )
    return f"""{card.dataset}: {", ".join(map(_text, sources))}.

{_table(("split", *columns, *map(_text, labels)), rows)}"""


def _training(encoder: str, history: Sequence[Mapping[str, Any]]) -> str:
    start = f"Fine-tuned from {encoder} with spaCy; the whole recipe is in `config.cfg`."
    if not history:
        return start
    last, best = history[-1], max(history, key=lambda record: record["score"])
    hardware = _text(last.get("hardware", "a machine that is not known"))
    return (
        f"{start} {last['step']:,} steps, {last['epoch']} epochs and {last['words']:,} words took "
        f"{last['seconds'] / 60:.1f} minutes, evaluations on dev included, on {hardware}. Kept is "
        f"what was best on dev, at step {best['step']:,}, with a score of {best['score']:.4f}."
    )


def _licence(card: Card, encoder: Mapping[str, str]) -> str:
    return (
        f"The pipeline: {card.license or 'not given'}. The encoder it was trained from: "
        f"{encoder.get('license') or 'see ' + encoder['name']}. The training data has terms of its "
        "own."
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = (head, ["---"] * len(head), *rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
