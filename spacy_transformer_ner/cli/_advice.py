"""The advice that commands print."""

from typing import TYPE_CHECKING

from wasabi import msg

if TYPE_CHECKING:
    from ..report.contents import Contents


def show_advice(contents: "Contents") -> None:
    """Print the first pieces of advice.

    contents (Contents): What is known about a pipeline.
    """
    from ..report.advice import as_text
    from ..report.causes import advise

    lines = as_text(advise(contents))
    if lines:
        msg.divider("What to do next")
        print("\n".join(lines))
