"""Exports of Kili and Labelbox: texts with the labels of several people."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .fields import get, is_list
from .label_studio import SEVERAL, UNLABELLED

if TYPE_CHECKING:
    from .dialects import Context


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
