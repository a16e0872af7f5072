"""One page that says how good a pipeline is, how sure that is, where it is wrong and what
to do next: a single file of HTML that needs nothing else and asks nobody for anything."""

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
from .advice import advise, own

# More would make the page too large to be sent by mail.
MAX_MISTAKES = 2000
# More types make a table of pairs that nobody can read, and megabytes of it.
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
    "seen in training": "whether the training data has it",
    "times in training": "how often the training data has it with this type",
    "case": "the case of its letters",
}
Record = dict[str, Any]


@dataclass(frozen=True)
class Contents:
    """What a page is made of, as the commands wrote it.

    evaluation (dict): Of the evaluate command.
    mistakes (Sequence[dict]): Its mistakes on raw text, the surest first.
    check (dict | None): Of the check command.
    calibration (dict | None): Of the calibrate command.
    history (Sequence[dict]): Of the training's HistoryLogger.
    made (dict[str, dict[str, str]]): Tables of how it was made: versions, data,
        commands.
    config (str): The pipeline's config.
    """

    evaluation: Record
    mistakes: Sequence[Record] = ()
    check: Optional[Record] = None
    calibration: Optional[Record] = None
    history: Sequence[Record] = ()
    made: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    config: str = ""


def render(contents: Contents) -> str:
    """Make the page.

    contents (Contents): What it says.
    RETURNS (str): The HTML. Whatever stands in the texts is escaped.
    RAISES: InputError if the figures are not what the commands write.
    """
    environment = Environment(
        loader=PackageLoader(__package__, "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["bdi"] = own
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
            "the figures are not what the evaluate, check, calibrate and train commands of this "
            f"version write ({type(error).__name__}: {error}). Make them again."
        ) from None
    if contents.mistakes and _kinds(contents.mistakes) != variables["kinds"]:
        raise InputError(
            "the mistakes are of another evaluation: there are "
            f"{len(contents.mistakes)}, and the figures are of {sum(variables['kinds'].values())} or "
            "of other kinds. Make both again, by one run of the evaluate command."
        )
    # Names of files may have bytes that are no characters.
    return page.encode("utf-8", "replace").decode("utf-8")


def _most_confused(confusion: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """RETURNS (dict[str, dict[str, int]]): The confusion of the types that are confused most
    often, and with none."""
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
    """RETURNS (dict[str, dict]): The types with the most entities, in their order."""
    by_size = sorted(types, key=lambda label: -types[label]["tp"] - types[label]["fn"])
    most = set(by_size[:MAX_CHARTED])
    return {label: row for label, row in types.items() if label in most}


def _kinds(mistakes: Sequence[Record]) -> dict[str, int]:
    """RETURNS (dict[str, int]): How many mistakes there are of each kind."""
    counts = Counter(mistake["kind"] for mistake in mistakes)
    return {kind: counts[kind] for kind in KINDS if kind != "right"}


def _variables(contents: Contents) -> Record:
    evaluation, history = contents.evaluation, list(contents.history)
    text = evaluation["text"]
    off_diagonal = [
        n for label, row in text["confusion"].items() for other, n in row.items() if label != other
    ]
    return {
        "title": f"Named entities in {evaluation['corpus']}",
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
    }


def _other_ways(evaluation: Record) -> dict[str, dict[str, float]]:
    text, gold = evaluation["text"], evaluation["gold"]
    credit = text["partial_credit"]
    return {
        "spaCy's ents_p, ents_r, ents_f, raw text": {
            # Not there of a pipeline that recognises nothing.
            key: text.get(f"ents_{key}") or 0.0
            for key in ("p", "r", "f")
        },
        "partial credit: boundaries": credit["exact"],
        "partial credit: overlap": credit["partial"],
        "partial credit: type of what overlaps": credit["type"],
        "partial credit: MUC": credit["muc"],
        "gold tokens (seqeval in both modes, and conlleval, give the same)": {
            key: gold["entities"][key] for key in ("p", "r", "f")
        },
    }


def _placed(mistake: Record) -> Record:
    """Add the character that what either entity covers starts at."""
    starts = [mistake[of]["start"] for of in ("gold", "predicted") if mistake[of]]
    return {**mistake, "start": min(starts)}


def _charts(text: Record, history: Sequence[Record]) -> dict[str, str]:
    drawn = {
        "per_type": charts.per_type(_charted(text["entities_per_type"]), text["intervals"]["of"])
    }
    if history:
        drawn["curve"] = charts.learning_curve(
            [record["step"] for record in history],
            {"score on dev": [record["score"] for record in history]},
        )
    if text["confidence"]:
        drawn["reliability"] = charts.reliability(
            *(text["confidence"][when]["bins"] for when in ("before", "after"))
        )
    return drawn


def _sections(contents: Contents) -> list[tuple[str, str]]:
    sections = (
        ("types", "How good", True),
        ("where", "Where it goes wrong", True),
        ("mistakes", "Mistakes", True),
        ("scores", "Scores", contents.evaluation["text"]["confidence"]),
        ("training", "Training", contents.history),
        ("corpus", "Corpus", contents.check),
        ("made", "How it was made", True),
    )
    return [(id, name) for id, name, is_there in sections if is_there]


def _file(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")


def _hash(script: str) -> str:
    """What lets this script run and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
