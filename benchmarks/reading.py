"""Measure the conversion of corpora: `spacy ner convert` and `spacy convert`, as alternating
processes on the same file, and the memory and speed of `spacy ner convert` on a large
generated file.

    python benchmarks/reading.py --megabytes 1000

writes benchmarks/results/reading.json. The comparison uses assets/conll2003/eng.train if it
exists, else the sample, repeated."""

import random
import shutil
import statistics
import tempfile
from pathlib import Path

import typer
from machine import ROOT, keep, run
from wasabi import msg

app = typer.Typer(add_completion=False)


def comparison_file(folder: Path) -> tuple[Path, str]:
    """folder (Path): The folder to write to.
    RETURNS (tuple[Path, str]): A CoNLL-2003 file, and its description."""
    path = folder / "train.conll"
    original = ROOT / "assets" / "conll2003" / "eng.train"
    if original.exists():
        shutil.copy(original, path)
        return path, "CoNLL-2003 eng.train"
    path.write_text((ROOT / "assets" / "sample" / "train.conll").read_text() * 33)
    return path, "the sample's train.conll, 33 times"


def generate(path: Path, megabytes: int) -> int:
    """Write a CoNLL-2003 file of documents with 20 sentences. A tenth of the words is rare, as in
    real text.

    path (Path): The file.
    megabytes (int): Its size.
    RETURNS (int): The number of words.
    """
    chance = random.Random(0)
    frequent = [f"word{i}" for i in range(5000)]
    words = 0
    with open(path, "w", encoding="utf-8") as file:
        while file.tell() < megabytes * 1_000_000:
            lines = ["-DOCSTART- -X- O O\n"]
            for _ in range(20):
                lines.append("\n")
                for word in chance.choices(frequent, k=25):
                    if chance.random() < 0.1:
                        word = f"Name{chance.randrange(10_000_000)}"
                    lines.append(f"{word} NN I-NP {'I-PER' if word[0] == 'N' else 'O'}\n")
                    words += 1
            file.writelines([*lines, "\n"])
    return words


@app.command(help=__doc__)
def main(
    # fmt: off
    megabytes: int = typer.Option(1000, help="Size of the generated file"),
    repeats: int = typer.Option(3, help="Rounds of the comparison"),
    # fmt: on
) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        path, what = comparison_file(folder)
        ours, theirs = [], []
        for _ in range(repeats):
            ours.append(run("scripts/convert.py", path, folder / "ours", quiet=True)[0])
            theirs.append(run("-m", "spacy", "convert", path, folder, "-c", "ner", quiet=True)[0])
        ours_median, theirs_median = statistics.median(ours), statistics.median(theirs)
        msg.good(f"{what}: {ours_median:.1f} s, spacy convert {theirs_median:.1f} s")
        large = folder / "large.conll"
        words = generate(large, megabytes)
        seconds, peak = run("scripts/convert.py", large, folder / "large", quiet=True)
        size = large.stat().st_size / 1e6
        msg.good(f"{size:,.0f} MB: {seconds:.0f} s, {size / seconds:.1f} MB/s, peak {peak:.0f} MiB")
    result = {
        "comparison": {
            "file": what,
            "seconds": [round(s, 2) for s in ours],
            "spacy_convert_seconds": [round(s, 2) for s in theirs],
            "ratio": round(theirs_median / ours_median, 2),
        },
        "large": {
            "megabytes": round(size),
            "words": words,
            "seconds": round(seconds, 1),
            "megabytes_per_second": round(size / seconds, 2),
            "words_per_second": round(words / seconds),
            "peak_memory_mib": round(peak),
        },
    }
    keep("reading", result)


if __name__ == "__main__":
    app()
