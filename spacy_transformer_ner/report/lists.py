"""The mistakes and suspects that the report shows."""

from .contents import Contents, Record, start_of

# These keep the page small enough for email.
MAX_MISTAKES = 2000
MAX_SUSPECTS = 200
# Characters around a suspect.
AROUND = 80


def mistakes_shown(contents: Contents) -> list[Record]:
    """List the mistakes, those first whose annotation is also suspicious to the check.

    contents (Contents): The contents of the report.
    RETURNS (list[dict]): The mistakes, with "start", and "doubt": what is suspicious, or "".
    """
    doubted = contents.doubted
    order = [*doubted, *(i for i in range(len(contents.mistakes)) if i not in doubted)]
    return [
        {
            **contents.mistakes[i],
            "start": start_of(contents.mistakes[i]),
            # Without what the pipeline finds, which is shown anyway.
            "doubt": doubted[i]["meta"]["why"].partition("; the pipeline")[0]
            if i in doubted
            else "",
        }
        for i in order[:MAX_MISTAKES]
    ]


def suspects_shown(contents: Contents) -> list[Record]:
    """List the suspects, those first that are also mistakes.

    contents (Contents): The contents of the report.
    RETURNS (list[dict]): "before", "text", "label" and "after" of each, and its "meta".
    """
    both = {id(record) for record in contents.doubted.values()}
    records = sorted(contents.suspects, key=lambda record: id(record) not in both)
    return [_suspect(record) for record in records[:MAX_SUSPECTS]]


def _suspect(record: Record) -> Record:
    """Cut out the mention of a suspect and the text around it."""
    text, of = record["text"], record["suspect"]
    start, end = of["start"], of["end"]
    before, after = text[:start], text[end:]
    if len(before) > AROUND:  # at a word boundary
        before = "…" + before[-AROUND:].partition(" ")[2]
    if len(after) > AROUND:
        after = after[:AROUND].rpartition(" ")[0] + "…"
    return {
        **record["meta"],
        "before": before,
        "text": text[start:end],
        "label": of["label"],
        "after": after,
    }
