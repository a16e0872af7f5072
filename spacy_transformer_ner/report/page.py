"""Render the evaluation report: a self-contained HTML file with scores, confidence
intervals, mistakes and suggestions. It makes no network requests."""

import base64
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Optional

from jinja2 import Environment, PackageLoader, StrictUndefined, UndefinedError
from markupsafe import Markup

from ..errors import InputError
from ..evaluation.error_types import KINDS, NONE
from . import charts
from .advice import advise, bdi
from .curve_page import curve_variables

# Keeps the page small enough for email.
MAX_MISTAKES = 2000
# A larger confusion matrix is unreadable, and takes megabytes.
MAX_CONFUSED = 25
MAX_CHARTED = 40
NAMES = {
    "missed": "missed",
    "spurious": "spurious",
    "type": "wrong type",
    "boundary": "wrong boundary",
    "both": "wrong type and boundary",
}
WAYS = {
    "seen in training": "presence in the training data",
    "times in training": "frequency in the training data with the same type",
    "case": "letter case",
    "tokens of the sentence": "sentence length in tokens",
    "place in the document": "position in the document",
}
Record = dict[str, Any]


@dataclass(frozen=True)
class Contents:
    """The contents of a report, as written by the commands.

    evaluation (dict): The output of the evaluate command.
    mistakes (Sequence[dict]): Its mistakes on raw text, most confident first.
    check (dict | None): The output of the check command.
    calibration (dict | None): The output of the calibrate command.
    history (Sequence[dict]): The records of the training's HistoryLogger.
    learning_curve (dict | None): The output of the learning-curve command.
    made (dict[str, dict[str, str]]): Provenance tables: versions, data, commands.
    config (str): The pipeline's config.
    """

    evaluation: Record
    mistakes: Sequence[Record] = ()
    check: Optional[Record] = None
    calibration: Optional[Record] = None
    history: Sequence[Record] = ()
    learning_curve: Optional[Record] = None
    made: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    config: str = ""


def render(contents: Contents) -> str:
    """Render the report.

    contents (Contents): The contents.
    RETURNS (str): The HTML. All texts are escaped.
    RAISES: InputError if the contents are not what the commands write.
    """
    environment = Environment(
        loader=PackageLoader(__package__, "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["bdi"] = bdi
    template = environment.get_template("page.html.jinja")
    style, script = (Markup(_file(name)) for name in ("page.css", "page.js"))
    try:
        variables = _variables(contents)
        page = template.render(**variables, style=style, script=script, script_hash=_hash(script))
    except (
        LookupError,
        TypeError,
        AttributeError,
        ValueError,
        ArithmeticError,
        UndefinedError,
    ) as error:
        raise InputError(
            "the input files are not what this version's evaluate, check, calibrate and train "
            f"commands write ({type(error).__name__}: {error}). Run the commands again, starting "
            "with `spacy ner evaluate`."
        ) from None
    if contents.mistakes and _kinds(contents.mistakes) != variables["kinds"]:
        raise InputError(
            "the mistakes are from another evaluation: their number "
            f"({len(contents.mistakes)}) or error types differ from the figures "
            f"({sum(variables['kinds'].values())} mistakes). Write both files with one run of "
            "`spacy ner evaluate`, with --output and --errors."
        )
    # File names can contain bytes that are not valid UTF-8.
    return page.encode("utf-8", "replace").decode("utf-8")


def _most_confused(confusion: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """RETURNS (dict[str, dict[str, int]]): The confusion matrix of the types that are confused
    most often, and of no entity."""
    wrong: Counter[str] = Counter()
    for label, row in confusion.items():
        for other, n in row.items():
            wrong.update({label: n, other: n} if label != other else {})
    wrong.pop(NONE, None)
    most = {label for label, _ in wrong.most_common(MAX_CONFUSED)} | {NONE}
    if len(confusion) <= MAX_CONFUSED + 1:
        most = set(confusion)
    return {
        label: {other: n for other, n in row.items() if other in most}
        for label, row in confusion.items()
        if label in most
    }


def _charted(types: Mapping[str, Record]) -> dict[str, Record]:
    """RETURNS (dict[str, dict]): The types with the most entities, in their original order."""
    by_size = sorted(types, key=lambda label: -types[label]["tp"] - types[label]["fn"])
    most = set(by_size[:MAX_CHARTED])
    return {label: row for label, row in types.items() if label in most}


def _kinds(mistakes: Sequence[Record]) -> dict[str, int]:
    """RETURNS (dict[str, int]): The number of mistakes per error type."""
    counts = Counter(mistake["kind"] for mistake in mistakes)
    return {kind: counts[kind] for kind in KINDS if kind != "right"}


def _variables(contents: Contents) -> Record:
    evaluation, history = contents.evaluation, list(contents.history)
    text = evaluation["text"]
    off_diagonal = [
        n for label, row in text["confusion"].items() for other, n in row.items() if label != other
    ]
    return {
        "title": f"NER evaluation on {evaluation['corpus']}",
        "model": evaluation["model"],
        "corpus": evaluation["corpus"],
        "text": text,
        "gold": evaluation["gold"],
        "level": f"{text['intervals']['level']:.0%}",
        "kinds": {kind: text["error_types"][kind] for kind in KINDS if kind != "right"},
        "names": NAMES,
        "ways": WAYS,
        "confusion": _most_confused(text["confusion"]),
        "n_charted": len(_charted(text["entities_per_type"])),
        "most_confused": max([1, *off_diagonal]),
        "other_ways": _other_ways(evaluation),
        "mistakes": [_placed(mistake) for mistake in contents.mistakes[:MAX_MISTAKES]],
        "n_mistakes": len(contents.mistakes),
        "calibration": contents.calibration,
        "history": history,
        "best": max(history, key=lambda record: record["score"], default=None),
        "check": contents.check,
        "made": contents.made,
        "config": contents.config,
        "charts": _charts(text, history),
        "advice": advise(evaluation, contents.mistakes, contents.check),
        "sections": _sections(contents),
        **(
            curve_variables(contents.learning_curve) if contents.learning_curve else {"curve": None}
        ),
    }


def _other_ways(evaluation: Record) -> dict[str, dict[str, float]]:
    text, gold = evaluation["text"], evaluation["gold"]
    credit = text["partial_credit"]
    return {
        "spaCy's scorer (ents_p, ents_r, ents_f)": {
            # Missing for a pipeline without an entity recognizer.
            key: text.get(f"ents_{key}") or 0.0
            for key in ("p", "r", "f")
        },
        "partial credit: boundaries": credit["exact"],
        "partial credit: overlap": credit["partial"],
        "partial credit: type": credit["type"],
        "partial credit: MUC": credit["muc"],
        "gold tokens (same as seqeval and conlleval)": {
            key: gold["entities"][key] for key in ("p", "r", "f")
        },
    }


def _placed(mistake: Record) -> Record:
    """Add the start character of the text that either entity covers."""
    starts = [mistake[of]["start"] for of in ("gold", "predicted") if mistake[of]]
    return {**mistake, "start": min(starts)}


def _charts(text: Record, history: Sequence[Record]) -> dict[str, str]:
    drawn = {
        "per_type": charts.per_type(_charted(text["entities_per_type"]), text["intervals"]["of"])
    }
    if history:
        drawn["curve"] = charts.learning_curve(
            [record["step"] for record in history],
            {"dev score": [record["score"] for record in history]},
        )
    if text["confidence"]:
        drawn["reliability"] = charts.reliability(
            *(text["confidence"][when]["bins"] for when in ("before", "after"))
        )
    return drawn


def _sections(contents: Contents) -> list[tuple[str, str]]:
    sections = (
        ("types", "Results by type", True),
        ("where", "Error analysis", True),
        ("mistakes", "Mistakes", True),
        ("scores", "Confidence scores", contents.evaluation["text"]["confidence"]),
        ("training", "Training", contents.history),
        ("more", "Would more labels help?", contents.learning_curve),
        ("corpus", "Corpus", contents.check),
        ("made", "Provenance", True),
    )
    return [(id, name) for id, name, is_shown in sections if is_shown]


def _file(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")


def _hash(script: str) -> str:
    """The hash that allows this script, and no other, in the Content-Security-Policy."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
