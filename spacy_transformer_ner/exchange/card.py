"""The meta.json and the model card of a packaged pipeline."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from spacy.cli.package import generate_readme

from ..encoder.sources import describe_encoder
from ..unlabelled import META, learnt_from_texts

# Only this many labels are listed by name.
MAX_LABELS = 30
# Of spaCy's scorer.
FIGURES = ("f", "p", "r", "per_type")
# Markdown syntax, including GitHub's tables. Underscores within words are plain text.
MARKS = re.compile(r"[\\`*\[\]<>|&~]|(?<![^\W_])_|_(?![^\W_])")
# Line breaks and control characters would end a table row; bidirectional control characters
# would affect the text after them.
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
DIRECTIONS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Card:
    """The metadata of a packaged pipeline.

    name (str): Its name without the language, e.g. "ner_sample_minilm".
    version (str): Its version, e.g. "0.1.0".
    dataset (str): The data it was trained on.
    encoder (str): The pretrained encoder it was trained from. Defaults to the one in the
        pipeline's config.
    author, license (str): Author and license; empty if unknown.
    """

    name: str
    version: str
    dataset: str
    encoder: str
    author: str = ""
    license: str = ""


@dataclass(frozen=True)
class CommandRecords:
    """The outputs of the commands that made a pipeline.

    metrics (dict | None): The output of evaluate.
    history (Sequence[dict]): The records of train, see `training.history.history_logger`.
    corpus (dict | None): The output of convert: the contents of each corpus file.
    """

    metrics: dict[str, Any] | None = None
    history: Sequence[dict[str, Any]] = ()
    corpus: Mapping[str, dict[str, Any]] | None = None


def package_name(name: str) -> str:
    """Convert a name to a valid Python package name.

    name (str): e.g. "ner_conll2003_bert-base-cased".
    RETURNS (str): e.g. "ner_conll2003_bert_base_cased".
    """
    return re.sub(r"[^0-9a-z]+", "_", name.lower()).strip("_")


def card_meta(meta: Mapping[str, Any], card: Card, records: CommandRecords) -> dict[str, Any]:
    """Build the meta.json of a packaged pipeline. spaCy generates the model card from it,
    with the "notes" at its end.

    meta (Mapping): The meta of the trained pipeline.
    card (Card): The metadata.
    records (CommandRecords): The outputs of the commands.
    RETURNS (dict): The new meta.
    """
    encoder = describe_encoder(card.encoder)
    teacher = (meta.get(META) or {}).get("teacher")
    labels = [label for labels in meta.get("labels", {}).values() for label in labels]
    has_spans = "spancat" in meta.get("labels", {})
    meta = {
        **meta,
        "name": package_name(card.name),
        "version": card.version,
        "description": f"Named entity recognition ({_listed(labels)}) trained on "
        f"{card.dataset}, fine-tuned from {encoder['name']}.",
        "author": card.author,
        "license": card.license,
        "sources": [
            {"name": f"{card.dataset} (training data)"},
            encoder,
            *([teacher] if teacher else []),
        ],
    }
    card = replace(card, dataset=_text(card.dataset), license=_text(card.license))
    encoder = {key: _text(value) for key, value in encoder.items()}
    sections = {
        "Intended use": _use(meta, labels, card, has_spans),
        "Limits": _limits(records.metrics, has_spans),
    }
    if records.metrics is not None:
        text = records.metrics["text"]
        keys = (*(f"{prefix}_{figure}" for prefix in ("ents", "spans_sc") for figure in FIGURES),)
        keys += "token_accuracy", "speed"
        known = {key: text[key] for key in keys if key in text}
        meta["performance"] = {**known, "evaluation": records.metrics}
        sections["Entities per type"] = _scores(records.metrics)
        if text.get("confidence") is not None:
            sections["Scores"] = _confidence(text["confidence"], has_spans)
    sections["Data"] = _data(card, records.corpus)
    if learnt := learnt_from_texts(meta.get(META)):
        sections["Texts without labels"] = _texts(learnt)
    sections["Training"] = _training(encoder["name"], records.history)
    sections["License"] = _license(card, encoder, teacher)
    meta["notes"] = "\n\n".join(f"### {title}\n\n{text}" for title, text in sections.items())
    return meta


def readme(meta: Mapping[str, Any]) -> str:
    """Generate the model card of a pipeline with spaCy. All names are escaped.

    meta (Mapping): The meta, see `card_meta`.
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
    """Escape a value for Markdown, on one line."""
    return MARKS.sub(r"\\\g<0>", _plain(value))


def _code(value: object) -> str:
    """Escape a value that spaCy puts between backticks."""
    return _plain(value).replace("`", "'")


def _plain(value: object) -> str:
    return DIRECTIONS.sub("", CONTROLS.sub(" ", str(value)))


def _listed(labels: Sequence[str]) -> str:
    more = len(labels) - MAX_LABELS
    return ", ".join(labels[:MAX_LABELS]) + (f" and {more} more" if more > 0 else "")


def _use(meta: Mapping[str, Any], labels: Sequence[str], card: Card, has_spans: bool) -> str:
    shown = (
        '[(span.text, span.label_) for span in doc.spans["sc"]]'
        if has_spans
        else "[(ent.text, ent.label_, ent._.score) for ent in doc.ents]"
    )
    return f"""Finds {_listed(list(map(_text, labels)))} in texts (language: {meta["lang"]}) like those of \
{card.dataset}:

```python
import spacy

nlp = spacy.load("{meta["lang"]}_{meta["name"]}")
doc = nlp("Some text.")
print({shown})
```

Do not use it to make decisions about people without human review."""


def _limits(metrics: Mapping[str, Any] | None, has_spans: bool) -> str:
    limits = [
        "It is less accurate on texts of other genres, periods or topics than its training "
        "data. Evaluate it on your own data.",
        ("Entities can overlap" if has_spans else "Entities do not overlap or nest")
        + ", and each mention is predicted independently: a name "
        "can be found in one sentence and missed in the next.",
        "It reproduces gaps and errors of its training data. Bias in recognizing names of "
        "different origins has not been measured.",
    ]
    if metrics is not None:
        counts = metrics["text"]["entities_per_type"]
        worst = min(counts, key=lambda label: counts[label]["f"])
        limits.append(f"Its weakest type is {_text(worst)}: F1 {counts[worst]['f']:.4f}.")
        seen = metrics["text"].get("slices", {}).get("seen in training", {})
        if {"seen", "not seen"} <= seen.keys():
            limits.append(
                f"F1 is {seen['not seen']['f']:.4f} for entities not seen in training, and "
                f"{seen['seen']['f']:.4f} for those seen."
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
            # No type has an empty name, but one can be called "all".
            ("", text["entities"], intervals.get("all")),
        )
    ]
    level = f"{text['intervals']['level']:.0%} CI of F1"
    n = text["error_types"]
    return f"""Evaluated on {_text(metrics["corpus"])}, raw text, exact match of characters and label. CI is the \
bootstrap confidence interval:

{_table(("type", "precision", "recall", "F1", level, "TP", "FP", "FN"), rows)}

Mistakes: {n["missed"]} missed, {n["spurious"]} spurious, {n["type"]} with the wrong type, \
{n["boundary"]} with wrong boundaries, {n["both"]} with both wrong.

On gold tokens: F1 {metrics["gold"]["entities"]["f"]:.4f}. `{"SPANS_SC_F" if "spans_sc_f" in text else "ENTS_F"}` above is the score of \
`spacy evaluate`, which also counts an entity as correct if it covers only a part of the gold \
token. All figures are in `meta.json`, under `performance.evaluation`."""


def _interval(interval: Mapping[str, Any] | None) -> str:
    return "{low:.3f} to {high:.3f}".format(**interval["f"]) if interval else "–"


def _confidence(figures: Mapping[str, Any], has_spans: bool) -> str:
    after = figures["after"]
    what = (
        '`doc.spans["sc"].attrs["scores"]` has the scores of spancat, which are not calibrated.'
        if has_spans
        else "`ent._.score` is the estimated probability that an entity is correct."
    )
    return (
        f"{what} On the test data "
        f"the mean score is {after['mean_score']:.4f}, and the precision {after['precision']:.4f}. "
        f"The expected calibration error is {after['ece']:.4f} ({figures['binning']}), the Brier "
        f"score {after['brier']:.4f}."
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
    # File names only: paths are private.
    sources = sorted(
        {Path(file["source"]).name for split in corpus.values() for file in split["files"]}
    )
    return f"""{card.dataset}: {", ".join(map(_text, sources))}.

{_table(("split", *columns, *map(_text, labels)), rows)}"""


def _texts(learnt: Mapping[str, Any]) -> str:
    lines = "\n".join(f"- {_text(line)}" for line in learnt["lines"])
    rows = [(_text(label), f"{texts:,}", f"{gold:,}") for label, texts, gold in learnt["rows"]]
    if not rows:
        return lines
    return f"{lines}\n\n{_table(('type', 'entities in texts', 'labelled entities'), rows)}"


def _training(encoder: str, history: Sequence[Mapping[str, Any]]) -> str:
    start = f"Fine-tuned from {encoder} with spaCy. The full config is in `config.cfg`."
    if not history:
        return start
    last, best = history[-1], max(history, key=lambda record: record["score"])
    hardware = _text(last.get("hardware", "unknown hardware"))
    return (
        f"{start} {last['step']:,} steps, {last['epoch']} epochs and {last['words']:,} words took "
        f"{last['seconds'] / 60:.1f} minutes, including evaluations on dev, on {hardware}. The "
        f"checkpoint with the best dev score was kept: step {best['step']:,}, score "
        f"{best['score']:.4f}."
    )


def _license(card: Card, encoder: Mapping[str, str], teacher: Mapping[str, str] | None) -> str:
    parts = [
        f"Pipeline: {card.license or 'unknown'}.",
        f"Encoder: {encoder.get('license') or 'see ' + encoder['name']}.",
    ]
    if teacher:
        license = _text(teacher.get("license") or "unknown")
        parts.append(f"Teacher, {_text(teacher['name'])}: {license}.")
    return " ".join([*parts, "The training data has its own license."])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = (head, ["---"] * len(head), *rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
