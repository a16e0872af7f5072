"""Numbers in sentences."""

import re

_FORMS = re.compile(r"\[([^|\]]*)\|([^\]]*)\]")


def counted(n: int, text: str) -> str:
    """Write a number and what it counts.

    n (int): The number.
    text (str): What follows it, with the forms for one and for any other number in brackets,
        e.g. "[document is|documents are] empty".
    RETURNS (str): E.g. "1 document is empty", "2,000 documents are empty".
    """
    return f"{n:,} {_FORMS.sub(lambda forms: forms[1 if n == 1 else 2], text)}"
