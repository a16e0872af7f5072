"""Exports of Label Studio: tasks with the annotations of several people."""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

from .entities import offset
from .fields import get, is_list, simple

if TYPE_CHECKING:
    from .dialects import Context, Rows

# The names of the formats.
TASKS = "Label Studio's JSON"
SHORT_TASKS = "Label Studio's JSON-MIN"
SEVERAL = "texts with several annotations were read with the newest one"
UNLABELLED = "texts without annotation were skipped"
TAG = re.compile(r"</?[a-zA-Z][^>]*>")
# HTML tags that start a new line.
BLOCKS = {
    "p", "div", "br", "li", "ul", "ol", "tr", "td", "th", "table", "h1", "h2", "h3", "h4", "h5",
    "h6", "section", "article", "header", "footer", "blockquote", "pre", "hr", "title",
}  # fmt: skip
# The fields of the annotations of a task.
FIELDS = ("annotations", "completions")
LABELS = ("labels", "hypertextlabels", "paragraphlabels")


def is_task(record: Mapping[str, Any]) -> bool:
    """record (Mapping): A record.
    RETURNS (bool): Whether it is a task in Label Studio's JSON."""
    if not isinstance(record.get("data"), Mapping):
        return False
    if is_list(record.get("result")):
        return True
    return any(
        is_list(found := record.get(field))
        and (not found or any(isinstance(a, Mapping) and is_list(a.get("result")) for a in found))
        for field in FIELDS
    )


def annotations_of(task: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """task (Mapping): A task.
    RETURNS (list[Mapping]): Its annotations that are not cancelled, the newest last."""
    if is_list(task.get("result")):
        return [task]
    found = [
        annotation
        for field in FIELDS
        for annotation in task.get(field) or ()
        if isinstance(annotation, Mapping)
        and is_list(annotation.get("result"))
        and not (annotation.get("was_cancelled") or annotation.get("skipped"))
    ]
    return sorted(found, key=_age)


def _age(annotation: Mapping[str, Any]) -> tuple:
    dates = (annotation.get(field) for field in ("updated_at", "created_at"))
    number = annotation.get("annotation_id", annotation.get("id"))
    return (
        next((str(date) for date in dates if date), ""),
        number if isinstance(number, int) else 0,
    )


def _regions(annotation: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Any]]:
    """Yield the labelled parts of a text, and the tag that they belong to. Choices, ratings and
    relations have no offsets."""
    for region in annotation["result"]:
        value = region.get("value") if isinstance(region, Mapping) else None
        if isinstance(value, Mapping) and "start" in value and "end" in value:
            yield value, region.get("to_name")


def prepare_tasks(
    first: Sequence[tuple[int, Mapping[str, Any]]], rows: "Rows", context: "Context"
) -> tuple[str, bool]:
    """Find the field of the text in `data`, and whether texts are HTML.

    first (Sequence[tuple[int, Mapping]]): The first tasks.
    rows (Callable): Reads all tasks.
    context (Context): The options.
    RETURNS (tuple[str, bool]): The path of the field, and whether tags don't count in offsets.
    """
    in_html = any(
        isinstance(value.get("globalOffsets"), Mapping)
        for _, task in first
        for annotation in annotations_of(task)
        for value, _ in _regions(annotation)
    )
    return _field_of_text(first, context), in_html


def _field_of_text(first: Sequence[tuple[int, Mapping[str, Any]]], context: "Context") -> str:
    """Find the field of the text in `data`."""
    given = context.options.text_field
    if given is not None:
        return given.removeprefix("data.")
    matches: Counter[str] = Counter()
    held: Counter[str] = Counter()
    for _, task in first:
        data = task["data"] if isinstance(task.get("data"), Mapping) else {}
        texts = {k: v for k, v in data.items() if isinstance(v, str) or _is_dialogue(v)}
        held.update(texts.keys())
        for annotation in annotations_of(task):
            for value, to_name in _regions(annotation):
                for name, text in texts.items():
                    said = value.get("text")
                    matches[name] += (name == to_name) + 2 * (
                        isinstance(said, str) and said == _held(text, value)
                    )
    line = first[0][0] if first else 1
    context.line = line
    if matches and max(matches.values()) > 0:
        best = [name for name, count in matches.items() if count == max(matches.values())]
        if len(best) == 1:
            return best[0]
    if len(held) == 1 or "text" in held:
        return "text" if "text" in held else next(iter(held))
    if not held:
        raise context.wrong(
            "the tasks have no text in data. Is it a project for texts? Label Studio's exports of "
            "texts in files don't have the texts: import the texts themselves."
        )
    options = " or ".join(f"--text-field {name}" for name in list(held)[:4])
    raise context.wrong(
        f"the text of the tasks can be {' or '.join(list(held)[:8])}. Set {options}."
    )


def _is_dialogue(value: Any) -> bool:
    return is_list(value) and any(
        isinstance(turn, Mapping) and isinstance(turn.get("text"), str) for turn in value
    )


def _turns(value: Sequence[Any]) -> list[str]:
    return [
        text if isinstance(turn, Mapping) and isinstance(text := turn.get("text"), str) else ""
        for turn in value
    ]


def _held(text: Any, value: Mapping[str, Any]) -> str | None:
    """Get the text of a region. None if its offsets are not numbers."""
    if isinstance(text, str):
        start, end = _offsets(value)
        return None if start is None or end is None else text[start:end]
    turns = _turns(text)
    number = offset(value["start"])
    if number is None or not 0 <= number < len(turns):
        return None
    return turns[number][value.get("startOffset", 0) : value.get("endOffset", 0)]


def _offsets(value: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Get the offsets of a region. For HTML these are the offsets in its text."""
    in_html = value.get("globalOffsets")
    where = in_html if isinstance(in_html, Mapping) else value
    return offset(where.get("start")), offset(where.get("end"))


def read_task(task: Mapping[str, Any], context: "Context") -> Iterator[Mapping[str, Any]]:
    """Convert a task, with its newest annotation that is not cancelled. Predictions and drafts
    are not read.

    task (Mapping): The task.
    context (Context): The field of the text, and notes.
    YIELDS (Mapping): A record with text and spans, or nothing if the task is not annotated.
    """
    found = annotations_of(task)
    if not found:
        context.note(UNLABELLED)
        return
    if len(found) > 1:
        context.note(SEVERAL)
    data = task.get("data")
    field, in_html = context.state
    text: Any = get(data, field) if isinstance(data, Mapping) else None
    regions = list(_regions(found[-1]))
    if isinstance(text, str) and in_html and TAG.search(text):
        context.note("texts had HTML tags, which were removed")
        yield _of_html(text, regions, context)
        return
    if _is_dialogue(text):
        yield _dialogue(_turns(text), regions, context)
        return
    if not isinstance(text, str):
        raise context.wrong(
            f"the task has no text in data.{field}. Set the field with --text-field."
        )
    if text.startswith(("http://", "https://", "s3://", "gs://", "/data/")) and not text.count(" "):
        raise context.wrong(
            f"data.{field} is the address of a text and not the text. Import the texts "
            "themselves, or put them in this field."
        )
    spans = []
    for value, _ in regions:
        start, end = _offsets(value)
        if start is None or end is None:
            raise context.wrong(
                f"expected numbers as offsets, found {value['start']!r} and {value['end']!r}. Texts "
                "with HTML tags need globalOffsets: export them with a newer Label Studio, or "
                "import them as plain text."
            )
        spans += list(_labelled(value, start, end, context))
    yield {"text": text, "spans": spans}


def _of_html(
    text: str, regions: Iterable[tuple[Mapping[str, Any], Any]], context: "Context"
) -> Mapping[str, Any]:
    """Remove HTML tags. Blocks become lines, which the offsets don't count."""
    parser = _Text()
    parser.feed(text)
    parser.close()
    spans = []
    for value, _ in regions:
        start, end = _offsets(value)
        if start is None or end is None or not 0 <= start < end:
            raise context.wrong("expected globalOffsets with start and end. Fix this task.")
        spans += list(_labelled(value, parser.place(start), parser.place(end - 1) + 1, context))
    return {"text": parser.text.rstrip("\n"), "spans": spans}


class _Text(HTMLParser):
    """Collects the text of HTML.

    text (str): The text, with a line end between blocks.
    """

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        # Where the parts of the text start: without line ends, and in the text.
        self._starts: list[tuple[int, int]] = []
        self._length = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag in BLOCKS and self.text and not self.text.endswith("\n"):
            self.text += "\n"

    def handle_endtag(self, tag: str) -> None:
        self.handle_starttag(tag, None)

    def handle_data(self, data: str) -> None:
        self._starts.append((self._length, len(self.text)))
        self._length += len(data)
        self.text += data

    def place(self, at: int) -> int:
        """at (int): The position of a character, without the line ends between blocks.
        RETURNS (int): Its position in the text."""
        number = bisect_right(self._starts, at, key=lambda start: start[0]) - 1
        plain, placed = self._starts[max(number, 0)] if self._starts else (0, 0)
        return placed + at - plain


def _labelled(
    value: Mapping[str, Any], start: int, end: int, context: "Context"
) -> Iterator[dict[str, Any]]:
    labels = next(
        (value[f] for f in (*LABELS, *value) if simple(f).endswith("labels") and value.get(f)), None
    )
    if not labels:
        context.note("entities without a label were skipped")
        return
    for label in labels if is_list(labels) else [labels]:
        found = {"start": start, "end": end, "label": label}
        said = value.get("text")
        # Older versions write line breaks as a backslash and an n.
        yield {**found, "text": said.replace("\\n", "\n")} if isinstance(said, str) else found


def _dialogue(
    turns: Sequence[str], regions: Iterable[tuple[Mapping[str, Any], Any]], context: "Context"
) -> Mapping[str, Any]:
    """Join the turns of a dialogue, with one line per turn."""
    starts = [0]
    for turn in turns:
        starts.append(starts[-1] + len(turn) + 1)
    spans = []
    for value, _ in regions:
        numbers = [offset(value["start"]), offset(value["end"])]
        inner = [offset(value.get("startOffset")), offset(value.get("endOffset"))]
        if None in numbers + inner or not all(0 <= n < len(turns) for n in numbers):  # type: ignore[operator]
            raise context.wrong("a label is not within the dialogue. Fix this task.")
        start, end = (starts[n] + i for n, i in zip(numbers, inner))  # type: ignore[index,operator]
        spans += list(_labelled(value, start, end, context))
    return {"text": "\n".join(turns), "spans": spans}


def is_short_task(record: Mapping[str, Any]) -> bool:
    """record (Mapping): A record.
    RETURNS (bool): Whether it is a task in Label Studio's JSON-MIN."""
    return {"annotation_id", "id"} <= record.keys() and "data" not in record


def newest_annotations(
    first: Sequence[tuple[int, Mapping[str, Any]]], rows: "Rows", context: "Context"
) -> tuple[str | None, dict[Any, tuple]]:
    """Find the newest annotation of each task, because a task has a record per annotation.

    first (Sequence[tuple[int, Mapping]]): The first tasks.
    rows (Callable): Reads all records.
    context (Context): Not used.
    RETURNS (tuple[str | None, dict[Any, tuple]]): The field of the entities, and the age of the
        newest annotation by the number of the task.
    """
    newest: dict[Any, tuple] = {}
    for _, record in rows():
        if isinstance(number := record.get("id"), int | str):
            age = _age(record)
            newest[number] = max(newest.get(number, age), age)
    return _short_field(first), newest


def _short_field(first: Sequence[tuple[int, Mapping[str, Any]]]) -> str | None:
    """Find the field of the entities. Tasks without entities don't have it."""
    counts = Counter(
        field
        for _, record in first
        for field, value in record.items()
        if is_list(value)
        and any(isinstance(v, Mapping) and {"start", "end"} <= v.keys() for v in value)
    )
    return counts.most_common(1)[0][0] if len(counts) == 1 else None


def read_short_task(task: Mapping[str, Any], context: "Context") -> Iterator[Mapping[str, Any]]:
    """Convert a task of JSON-MIN.

    task (Mapping): The record.
    context (Context): The newest annotations.
    YIELDS (Mapping): The record, unless the task has a newer annotation.
    """
    field, newest = context.state
    number = task.get("id")
    if isinstance(number, int | str) and _age(task) < newest[number]:
        context.note("older annotations of the same text were skipped")
        return
    yield task if field is None or field in task else {**task, field: []}
