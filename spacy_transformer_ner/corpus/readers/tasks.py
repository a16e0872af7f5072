"""Exports of Label Studio, Kili and Labelbox: tasks with the annotations of several people."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .entities import offset
from .fields import get, is_list, simple

if TYPE_CHECKING:
    from .dialects import Context, Rows

SEVERAL = "texts with several annotations were read with the newest one"
UNLABELLED = "texts without annotation were skipped"
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
        for field in ("annotations", "completions")
    )


def _annotations(task: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Get the annotations of a task that are not cancelled, the newest last."""
    if is_list(task.get("result")):
        return [task]
    found = [
        annotation
        for field in ("annotations", "completions")
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
) -> str:
    """Find the field of the text in `data`.

    first (Sequence[tuple[int, Mapping]]): The first tasks.
    rows (Callable): Reads all tasks.
    context (Context): The options.
    RETURNS (str): The path of the field.
    """
    given = context.options.text_field
    if given is not None:
        return given.removeprefix("data.")
    matches: Counter[str] = Counter()
    held: Counter[str] = Counter()
    for _, task in first:
        data = task["data"] if isinstance(task.get("data"), Mapping) else {}
        texts = {k: v for k, v in data.items() if isinstance(v, str) or _is_dialogue(v)}
        held.update(texts.keys())
        for annotation in _annotations(task):
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
    found = _annotations(task)
    if not found:
        context.note(UNLABELLED)
        return
    if len(found) > 1:
        context.note(SEVERAL)
    data = task.get("data")
    text = get(data, context.state) if isinstance(data, Mapping) else None
    regions = list(_regions(found[-1]))
    if _is_dialogue(text):
        yield _dialogue(_turns(text), regions, context)
        return
    if not isinstance(text, str):
        raise context.wrong(
            f"the task has no text in data.{context.state}. Set the field with --text-field."
        )
    if text.startswith(("http://", "https://", "s3://", "gs://", "/data/")) and not text.count(" "):
        raise context.wrong(
            f"data.{context.state} is the address of a text and not the text. Import the texts "
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


def is_kili(record: Mapping[str, Any]) -> bool:
    """record (Mapping): A record.
    RETURNS (bool): Whether it is an asset in Kili's JSON."""
    return any(map(_kili_annotations, _kili_labels(record)))


def _kili_labels(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = record.get("labels")
    latest = record.get("latestLabel")
    labels = [label for label in found if isinstance(label, Mapping)] if is_list(found) else []
    labels = labels or ([latest] if isinstance(latest, Mapping) else [])
    return [label for label in labels if isinstance(label.get("jsonResponse"), Mapping)]


def _kili_annotations(label: Mapping[str, Any]) -> list[Any]:
    return [
        annotation
        for job in label["jsonResponse"].values()
        if isinstance(job, Mapping) and is_list(job.get("annotations"))
        for annotation in job["annotations"]
        if isinstance(annotation, Mapping) and "beginOffset" in annotation
    ]


def read_kili(record: Mapping[str, Any], context: "Context") -> Iterator[Mapping[str, Any]]:
    """Convert an asset, with its newest label that is not a prediction.

    record (Mapping): The asset.
    context (Context): Collects notes.
    YIELDS (Mapping): A record with text and spans, or nothing if the asset is not labelled.
    """
    labels = [
        label
        for label in _kili_labels(record)
        if label.get("labelType") not in ("PREDICTION", "INFERENCE", "AUTOSAVE")
    ]
    if not labels:
        context.note(UNLABELLED)
        return
    if len(labels) > 1:
        context.note(SEVERAL)
        labels.sort(key=lambda label: str(label.get("createdAt") or ""))
    text = record.get(context.options.text_field or "content")
    if not isinstance(text, str) or text.startswith(("http://", "https://")):
        raise context.wrong(
            "the asset has no text in content. Export the project with its assets, and put the "
            "text in this field."
        )
    spans = []
    for annotation in _kili_annotations(labels[-1]):
        said = annotation.get("content")
        end = annotation.get("endOffset")
        if end is None and isinstance(said, str) and isinstance(annotation["beginOffset"], int):
            end = annotation["beginOffset"] + len(said)
        span = {"start": annotation["beginOffset"], "end": end, "text": said}
        spans += [
            {**span, "label": category.get("name")}
            for category in annotation.get("categories") or ()
            if isinstance(category, Mapping)
        ]
    yield {"text": text, "spans": spans}


def is_labelbox(record: Mapping[str, Any]) -> bool:
    """record (Mapping): A record.
    RETURNS (bool): Whether it is a row in Labelbox's NDJSON or older JSON."""
    return ("data_row" in record and "projects" in record) or (
        "Labeled Data" in record and "Label" in record
    )


def read_labelbox(record: Mapping[str, Any], context: "Context") -> Iterator[Mapping[str, Any]]:
    """Convert a data row, with its newest label.

    record (Mapping): The row.
    context (Context): Collects notes.
    YIELDS (Mapping): A record with text and spans, or nothing if the row is not labelled.
    """
    text = get(record, "data_row.row_data") if "data_row" in record else record["Labeled Data"]
    if not isinstance(text, str) or text.startswith(("http://", "https://")):
        raise context.wrong(
            "the row has the address of a text and not the text. Put the text in "
            f"{'data_row.row_data' if 'data_row' in record else 'Labeled Data'}."
        )
    labels: list[Any] = (
        [record["Label"]]
        if "Label" in record
        else [
            label
            for project in _values(record["projects"])
            for label in (project.get("labels") if isinstance(project, Mapping) else None) or ()
        ]
    )
    labels = [label for label in labels if isinstance(label, Mapping)]
    if not labels:
        context.note(UNLABELLED)
        return
    if len(labels) > 1:
        context.note(SEVERAL)
        labels.sort(key=lambda label: str(get(label, "label_details.created_at") or ""))
    objects = get(labels[-1], "annotations.objects") or labels[-1].get("objects") or ()
    spans = []
    for found in objects if is_list(objects) else ():
        if not isinstance(found, Mapping):
            continue
        location = get(found, "location") or get(found, "data.location")
        if isinstance(location, Mapping):
            label = found.get("name") or found.get("title") or found.get("value")
            spans.append(
                {"start": location.get("start"), "end": location.get("end"), "label": label}
            )
    yield {"text": text, "spans": spans}


def _values(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, Mapping) else value if is_list(value) else ()
