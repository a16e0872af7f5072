"""Render the evaluation report: a self-contained HTML file with scores, confidence
intervals, mistakes and suggestions. It makes no network requests."""

import base64
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

import srsly
from jinja2 import Environment, PackageLoader, StrictUndefined, UndefinedError
from markupsafe import Markup

from ..errors import InputError
from ..evaluation.error_types import KINDS, NONE
from ..unlabelled import META, learnt_from_texts
from ..wording import counted
from . import charts
from .advice import FIRST, Advice, bdi
from .causes import advise
from .contents import Contents, Record
from .curve_page import curve_variables
from .lists import mistakes_shown, suspects_shown

# A larger confusion matrix is unreadable, and takes megabytes.
MAX_CONFUSED = 25
MAX_CHARTED = 40
# Mistakes and suspects that are shown before "more".
SHOWN = 20
# A group with fewer entities says nothing.
MIN_GROUP = 10
SPLIT_NAMES = {"train": "training set", "dev": "development set", "test": "test set"}
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
    environment.globals["counted"] = counted
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
            "the input files are not what this version's evaluate, check, suspects, calibrate and train "
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
    text, advice = contents.text, advise(contents)
    off_diagonal = [
        n for label, row in text["confusion"].items() for other, n in row.items() if label != other
    ]
    return {
        **_title(evaluation),
        "text": text,
        "gold": evaluation["gold"],
        "level": f"{text['intervals']['level']:.0%}",
        "kinds": {kind: text["error_types"][kind] for kind in KINDS if kind != "right"},
        "names": NAMES,
        "ways": WAYS,
        "slices": _slices(text),
        "min_group": MIN_GROUP,
        "per_split": contents.per_split,
        "confusion": _most_confused(text["confusion"]),
        "n_charted": len(_charted(text["entities_per_type"])),
        "most_confused": max([1, *off_diagonal]),
        "other_ways": _other_ways(contents),
        "mistakes": mistakes_shown(contents),
        "shown": SHOWN,
        "n_mistakes": len(contents.mistakes),
        "suspects": suspects_shown(contents),
        "n_suspects": len(contents.suspects),
        "calibration": contents.calibration,
        "history": history,
        "best": max(history, key=lambda record: record["score"], default=None),
        "check": contents.check,
        "runs": contents.runs[:-1],
        "runs_data": srsly.json_dumps([run.to_dict() for run in contents.runs]),
        "made": contents.made,
        "config": contents.config,
        "charts": _charts(text, history),
        "advice": [(piece, _gain(contents, piece)) for piece in advice],
        "first": FIRST,
        "n_wrong": contents.n_mistakes,
        "sections": _sections(contents, bool(advice)),
        "texts": learnt_from_texts(evaluation.get(META)),
        **(
            curve_variables(contents.learning_curve) if contents.learning_curve else {"curve": None}
        ),
    }


def _title(evaluation: Record) -> dict[str, str]:
    """Name the pipeline and the data in words: "mine" for training/mine/model-best, "the test
    set of mine" for corpus/mine/test.spacy."""
    model, corpus = Path(evaluation["model"]), Path(evaluation["corpus"])
    pipeline = model.parent if model.name in ("model-best", "model-last") else model
    split = SPLIT_NAMES.get(corpus.stem)
    data = f"the {split} of {corpus.parent.name}" if split and corpus.parent.name else corpus.stem
    return {
        "pipeline": pipeline.name or evaluation["model"],
        "data": data,
        "model": evaluation["model"],
        "corpus": evaluation["corpus"],
    }


def _gain(contents: Contents, piece: Advice) -> str:
    """What following a piece of advice may give."""
    n = round(piece.mistakes)
    if not n:
        return piece.gain
    explained = (
        f"This explains about {n:,} of {counted(contents.n_mistakes, '[mistake|mistakes]')}. "
    )
    if piece.gain:
        return explained + piece.gain
    now, then = contents.text["entities"]["f"], contents.fixed(n)
    return f"{explained}If they were right, F1 would be {then:.3f} instead of {now:.3f}."


def _slices(text: Record) -> dict[str, dict[str, Record]]:
    """RETURNS (dict[str, dict[str, dict]]): The slices without groups of few entities."""
    large = {
        way: {group: row for group, row in groups.items() if row["tp"] + row["fn"] >= MIN_GROUP}
        for way, groups in text["slices"].items()
    }
    return {way: groups for way, groups in large.items() if len(groups) > 1}


def _other_ways(contents: Contents) -> dict[str, dict[str, float]]:
    text, gold = contents.text, contents.evaluation["gold"]
    credit = text["partial_credit"]
    prefix = "spans_sc" if contents.can_overlap else "ents"
    # seqeval and conlleval know no overlapping entities.
    of_tags = "" if contents.can_overlap else " (same as seqeval and conlleval)"
    return {
        f"spaCy's scorer ({prefix}_p, {prefix}_r, {prefix}_f)": {
            # Missing for a pipeline without an entity recognizer.
            key: text.get(f"{prefix}_{key}") or 0.0
            for key in ("p", "r", "f")
        },
        "partial credit: boundaries": credit["exact"],
        "partial credit: overlap": credit["partial"],
        "partial credit: type": credit["type"],
        "partial credit: MUC": credit["muc"],
        f"gold tokens{of_tags}": {key: gold["entities"][key] for key in ("p", "r", "f")},
    }


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


def _sections(contents: Contents, has_advice: bool) -> list[tuple[str, str]]:
    sections = (
        ("next", "What to do next", has_advice),
        ("types", "Results by type", True),
        ("corpus", "Corpus", contents.check),
        ("suspects", "Suspicious labels", contents.suspects),
        ("where", "Error analysis", True),
        ("mistakes", "Mistakes", True),
        ("scores", "Confidence scores", contents.text["confidence"]),
        ("training", "Training", contents.history),
        ("texts", "Texts without labels", contents.evaluation.get(META)),
        ("more", "Would more labels help?", contents.learning_curve),
        ("runs", "Earlier runs", contents.runs[1:]),
        ("made", "Provenance", True),
    )
    return [(id, name) for id, name, is_shown in sections if is_shown]


def _file(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")


def _hash(script: str) -> str:
    """The hash that allows this script, and no other, in the Content-Security-Policy."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
