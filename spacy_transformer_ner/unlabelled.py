"""What a pipeline learnt from texts without labels, in words: for the report and the model card."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .wording import counted

# The key of the record in a pipeline's meta.json.
META = "distillation"

Record = Mapping[str, Any]


def learnt_from_texts(record: Record | None) -> dict[str, Any] | None:
    """Describe a training on texts without labels.

    record (dict | None): The content of distillation.json or self-training.json, which is also in
        the meta.json of the pipeline. None if there was no such training.
    RETURNS (dict | None): lines (list[str]), what was done, with plain text; rows
        (list[tuple[str, int, int]]), each entity type, and its entities in the texts and in the
        labelled data. None for no record.
    """
    if not record:
        return None
    dev = Path(record["dev"]).name
    if "teacher" in record:
        mixture, teacher = record["mixture"], record["teacher"]
        lines = [
            f"It learnt from {teacher['name']} (license: {teacher.get('license', 'unknown')}), "
            f"which annotated {counted(record['annotated']['texts'], '[text|texts]')}.",
            f"F1 on {dev}: {record['student_f']:.3f}; {teacher['name']}: "
            f"{record['teacher_f']:.3f}.",
        ]
        if record["layers"]:
            numbers = ", ".join(map(str, record["layers"]))
            whose = (
                "its teacher's encoder" if record.get("layers_of_teacher") else "the pretrained one"
            )
            lines.append(f"Its encoder has the layers {numbers} of {whose}.")
        return {"lines": [*lines, *_of_mixture(mixture), *record["warnings"]], **_rows(mixture)}
    lines = [
        f"It was trained in rounds on texts that it had annotated itself. F1 on {dev}: "
        f"{record['first_f']:.3f} with labelled data only, {record['f']:.3f} now."
    ]
    gained = [each for each in record["rounds"] if each["gained"]]
    for each in record["rounds"]:
        selection = each["selection"]
        lines.append(
            f"Round {each['number']}: {selection['chosen']:,} of "
            f"{counted(selection['sentences'], '[sentence|sentences]')} with "
            f"{counted(sum(selection['taken'].values()), '[entity|entities]')} taken; F1 "
            f"{each['f']:.3f}, {'kept' if each['gained'] else 'dropped'}."
        )
    if not gained:
        return {"lines": lines, "rows": []}
    mixture = gained[-1]["mixture"]
    return {
        "lines": [*lines, *_of_mixture(mixture), *gained[-1]["warnings"]],
        **_rows(mixture),
    }


def _of_mixture(mixture: Record) -> list[str]:
    return [
        f"Trained on {counted(mixture['texts'], '[text|texts]')} without labels, with "
        f"{counted(mixture['words'], '[word|words]')}, and on "
        f"{counted(mixture['labelled'], '[labelled document|labelled documents]')}."
    ]


def _rows(mixture: Record) -> dict[str, Any]:
    texts, labelled = mixture["entities"], mixture["labelled_entities"]
    labels = sorted({*texts, *labelled})
    return {"rows": [(label, texts.get(label, 0), labelled.get(label, 0)) for label in labels]}
