"""Measure the CPU time of the readers alone, without spaCy's Docs, and compare it with another
checkout of this project: on CoNLL-2003 columns, and on the same texts as JSON Lines with
character offsets and with the text of each entity.

    git worktree add ../before ffa4139
    python benchmarks/readers.py --before ../before --megabytes 1000

writes benchmarks/results/readers.json."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Optional

import typer
from machine import ROOT, keep
from reading import comparison_file, generate
from wasabi import msg

app = typer.Typer(add_completion=False)
# Works in old checkouts, too.
READ = """
import sys, time
from pathlib import Path
try:
    from spacy_transformer_ner.corpus.readers.formats import open_corpus
except ImportError:
    from spacy_transformer_ner.corpus.formats import open_corpus
from spacy_transformer_ner.corpus.options import ReadOptions
from spacy_transformer_ner.corpus.sources import Source

start = time.process_time()
count = sum(1 for _ in open_corpus(Source.at(Path(sys.argv[1])), ReadOptions()))
print(count, time.process_time() - start)
"""


def to_records(columns: Path, target: Path, with_text: bool) -> None:
    """Write sentences as JSON Lines with text and spans.

    columns (Path): A file with the word in the first column and the tag in the last one.
    target (Path): The file to write.
    with_text (bool): Whether entities have their text.
    """
    with columns.open(encoding="utf-8") as rows, target.open("w", encoding="utf-8") as file:
        text, spans = "", []
        for row in rows:
            cells = row.split()
            if not cells or cells[0] == "-DOCSTART-":
                if text:
                    if with_text:
                        spans = [{**s, "text": text[s["start"] : s["end"]]} for s in spans]
                    file.write(json.dumps({"text": text, "spans": spans}) + "\n")
                text, spans = "", []
                continue
            start = len(text) + bool(text)
            text = f"{text} {cells[0]}" if text else cells[0]
            if cells[-1] != "O":
                spans.append({"start": start, "end": len(text), "label": cells[-1][2:]})


def seconds(path: Path, checkout: Path) -> float:
    """path (Path): A file.
    checkout (Path): The checkout that reads it.
    RETURNS (float): The seconds of CPU time."""
    env = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path)],
        cwd=checkout,
        env=env,
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout.split()[1])


@app.command(help=__doc__)
def main(
    # fmt: off
    before: Optional[Path] = typer.Option(None, help="Another checkout to compare with"),
    megabytes: int = typer.Option(1000, help="Size of the generated column file"),
    repeats: int = typer.Option(3, help="Alternating runs on the small file"),
    # fmt: on
) -> None:
    checkouts = {"now": ROOT, **({} if before is None else {"before": before})}
    results = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        small, what = comparison_file(folder)
        large = folder / "large.conll"
        generate(large, megabytes)
        for columns, name, runs in ((small, what, repeats), (large, f"{megabytes} MB", 1)):
            for kind in ("columns", "records", "records with texts"):
                path = columns
                if kind != "columns":
                    path = folder / "records.jsonl"
                    to_records(columns, path, kind == "records with texts")
                taken: dict[str, list[float]] = {checkout: [] for checkout in checkouts}
                for _ in range(runs):
                    for checkout, root in checkouts.items():
                        taken[checkout].append(seconds(path, root))
                medians = {k: round(statistics.median(v), 2) for k, v in taken.items()}
                size = path.stat().st_size / 1e6
                msg.good(f"{name}, {kind}, {size:.0f} MB: {medians} seconds of CPU time")
                results.append(
                    {"file": name, "kind": kind, "megabytes": round(size, 1), "seconds": medians}
                )
    head = ["git", "-C", str(before or ROOT), "rev-parse", "--short", "HEAD"]
    version = subprocess.run(head, check=True, capture_output=True, text=True).stdout.strip()
    keep("readers", {"repeats": repeats, "before": version, "runs": results})


if __name__ == "__main__":
    app()
