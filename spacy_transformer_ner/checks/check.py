"""The check of a corpus."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from spacy.tokens import Doc

from ..corpus.convert import REPORT, no_progress
from ..corpus.docbin import blank, docbin_files, read_docbin
from ..corpus.splits import SPLITS
from ..errors import InputError
from ..files import read_json
from .boundaries import Boundaries
from .consistency import Consistency, Suspect
from .duplicates import Duplicates
from .report import SEVERITIES, Check, Finding, Report
from .sizes import Sizes
from .wordpieces import WordpieceCheck


def check(
    corpus_dir: str | Path,
    *,
    lang: str = "en",
    encoder: str | None = None,
    progress: Callable[[Iterable, object], Iterable] = no_progress,
) -> tuple[Report, list[Suspect]]:
    """Check the .spacy files of a corpus. They are read three times; memory grows
    with the names and the distinct texts in them, not with the files.

    corpus_dir (str | Path): The folder with train.spacy and dev.spacy, and
        test.spacy if there is one.
    lang (str): The language's code, for spaCy's tokeniser.
    encoder (str | None): The encoder to be trained, for its wordpieces.
    progress (Callable): Wraps a stream of documents, given with a description.
    RETURNS (tuple[Report, list[Suspect]]): The report, and every mention that is
        labelled otherwise than most mentions of the same words.
    RAISES: InputError if train or dev is missing or cannot be read, spaCy has no
        such language, or the encoder cannot be found.
    """
    corpus_dir = Path(corpus_dir)
    nlp = blank(lang)
    paths = {
        split: corpus_dir / f"{split}.spacy"
        for split in SPLITS
        if split != "test" or (corpus_dir / "test.spacy").exists()
    }
    for path in paths.values():
        docbin_files(path)
    sizes, consistency = Sizes(), Consistency()
    checks: list[Check] = [sizes, Boundaries(nlp), Duplicates(), consistency]
    if encoder is not None:
        checks.append(WordpieceCheck(encoder))
    for split, doc in progress(_read(paths, lang), "checking"):
        for one in checks:
            one.see(split, doc)
    for split, doc in progress(_read(paths, lang), "counting"):
        consistency.count(split, doc)
    for split, doc in progress(_read(paths, lang), "comparing"):
        consistency.compare(split, doc)
    findings = [*_reading(corpus_dir), *(f for one in checks for f in one.findings())]
    findings.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    return Report(sizes.splits(), tuple(findings)), consistency.suspects()


def _read(paths: dict[str, Path], lang: str) -> Iterator[tuple[str, Doc]]:
    for split, path in paths.items():
        for file in docbin_files(path):
            # A vocabulary of its own, so that the words of one file can go.
            for doc in read_docbin(file, blank(lang).vocab):
                if len(doc):
                    yield split, doc


def _reading(corpus_dir: Path) -> list[Finding]:
    """What convert noted of the files."""
    try:
        report = read_json(corpus_dir / REPORT, "convert")
    except InputError:
        return []
    files = {
        file["source"]: file
        for name, entry in report.items()
        if name in {f"{split}.spacy" for split in SPLITS}
        for file in entry["files"]
    }
    found = [
        Finding(
            "as-read",
            "warning",
            f"{file['source']}: {note['count']:,} {note['message']}",
            "See the lines, and mend the file or say how it is to be read.",
            tuple(note["places"]),
        )
        for file in files.values()
        for note in file["notes"]
    ]
    schemes = {file["scheme"] for file in files.values() if file["scheme"]}
    # Without entities side by side IOB1 reads as IO.
    if len(schemes - {"IO"}) > 1:
        found.append(
            Finding(
                "schemes",
                "info",
                "the files have different tag schemes: "
                + ", ".join(f"{f['source']} {f['scheme']}" for f in files.values()),
                "Each was read by its own.",
            )
        )
    return found
