"""Find the entities of Label Studio's exports in the text of the file."""

from collections.abc import Mapping
from typing import Any

from ..corpus.readers.label_studio import FIELDS, annotations_of
from .json_ranges import Range, element_ranges, member_ranges


def result_of(
    text: str, start: int, task: Mapping[str, Any], said: str
) -> tuple[Range, list[Any]] | None:
    """Find the annotation of a task that is read.

    text (str): The text of the file.
    start (int): The place of the task in it.
    task (Mapping): The task.
    said (str): The text that is annotated.
    RETURNS (tuple[Range, list] | None): The characters of the array of regions, and the regions. None
        if the task has another text, or no annotation.
    """
    data = task.get("data")
    found = annotations_of(task)
    if not found or not isinstance(data, Mapping) or said not in data.values():
        return None
    place = start
    for field in FIELDS:
        for i, annotation in enumerate(task.get(field) or ()):
            if annotation is found[-1]:
                place = element_ranges(text, member_ranges(text, start)[field][0])[i][0]
    return member_ranges(text, place)["result"], found[-1]["result"]
