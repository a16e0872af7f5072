"""Write the generated parts of README.md and docs/: the measured tables, from
benchmarks/results, and the description of project.yml.

    python benchmarks/readme.py

Each table stands between `<!-- NAME -->` and `<!-- /NAME -->` on one page."""

import re
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

import srsly
from tables import accuracy, confidence, reliability, speed
from tables.layout import Result
from weasel.cli.document import project_document

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
# Results that no page shows.
UNTABLED = {"kernels"}


def tables() -> dict[str, str]:
    """RETURNS (dict[str, str]): The tables by name."""
    found = {}
    for path in sorted(RESULTS.glob("*.json")):
        kind, _, rest = path.stem.partition("-")
        if kind in UNTABLED:
            continue
        result = srsly.read_json(path)
        found[path.stem] = maker_of(kind)(result)
        if kind == "compare":
            found[f"details-{rest}"] = accuracy.details(result)
    return found


def maker_of(kind: str) -> Callable[[Result], str]:
    """RETURNS (Callable): The function that makes a table of this kind of result, which has its
    name. Other results are scores of a corpus."""
    found = (getattr(module, kind, None) for module in (accuracy, confidence, reliability, speed))
    return next(filter(None, found), accuracy.scores)


def project() -> str:
    """RETURNS (str): What `spacy project document` writes, markers included, for a page in
    docs/: one heading level down, and with links that start there."""
    with TemporaryDirectory() as folder, redirect_stdout(None):
        page = Path(folder) / "project.md"
        project_document(ROOT, page, no_emoji=True)
        text = page.read_text(encoding="utf-8")
    # Weasel links files that may not be distributed, if they are on this machine.
    text = re.sub(r"\[(`assets/[^`]*`)\]\([^)]*\)", r"\1", text)
    return re.sub(r"(?m)^#", "##", text.replace("](project.yml)", "](../project.yml)"))


def main() -> None:
    """Rewrite the pages."""
    parts = {
        rf"<!-- {re.escape(name)} -->\n.*?<!-- /{re.escape(name)} -->": (
            f"<!-- {name} -->\n{table}<!-- /{name} -->"
        )
        for name, table in tables().items()
    }
    parts[r"<!-- WEASEL: .*START.*END [^\n]*-->"] = project()
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        for marks, part in parts.items():
            text = re.sub(marks, lambda m, part=part: part, text, flags=re.DOTALL)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
