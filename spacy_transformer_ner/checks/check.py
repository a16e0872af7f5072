"""The check of a corpus."""

from collections.abc import Iterator
from pathlib import Path

from spacy.tokens import Doc

from ..corpus.convert import read_report
from ..corpus.docbin import blank, docbin_files, read_docbin
from ..corpus.splits import SPLITS
from ..errors import InputError
from ..progress import Progress, no_progress
from .boundaries import Boundaries
from .consistency import Consistency
from .duplicates import Duplicates
from .report import SEVERITIES, Check, Finding, Report
from .sizes import Sizes
from .wordpieces import WordpieceCheck


def check(
    corpus_dir: str | Path,
    *,
    lang: str | None = None,
    encoder: str | None = None,
    progress: Progress = no_progress,
) -> Report:
    """Check the .spacy files of a corpus. They are read three times; memory grows
    with the names and the distinct texts in them, not with the files.

    corpus_dir (str | Path): The folder with train.spacy and dev.spacy, and
        test.spacy if there is one.
    lang (str | None): The language's code, for spaCy's tokeniser; that which the
        corpus was converted with, or else English, if None.
    encoder (str | None): The encoder to be trained, for its wordpieces.
    progress (Callable): Wraps a stream of documents, given with a description.
    RETURNS (Report): The report.
    RAISES: InputError if train or dev is missing or cannot be read, spaCy has no
        such language, or the encoder cannot be found.
    """
    corpus_dir = Path(corpus_dir)
    report = read_report(corpus_dir)
    lang = lang or next((str(e["lang"]) for e in report.values() if "lang" in e), "en")
    nlp = blank(lang)
    paths = {
        split: corpus_dir / f"{split}.spacy"
        for split in SPLITS
        if split != "test" or (corpus_dir / "test.spacy").exists()
    }
    for path in paths.values():
        others = sorted(p.name for p in corpus_dir.glob("*.spacy") if p.stem not in SPLITS)
        if others and not path.exists():
            raise InputError(
                f"holds {', '.join(others[:5])}, but no {path.name}. Draw splits with convert.py … "
                f"--split 80,10,10, or convert to {corpus_dir / path.name}.",
                path=corpus_dir,
            )
        docbin_files(path)
    sizes, consistency = Sizes(paths), Consistency()
    checks: list[Check] = [sizes, Boundaries(nlp), Duplicates(), consistency]
    if encoder is not None:
        checks.append(WordpieceCheck(encoder))
    for split, doc in progress(_read(paths, lang), "checking"):
        for one in checks:
            one.see(split, doc)
    for split, doc in progress(_read(paths, lang), "counting"):
        consistency.count(split, doc)
    for split, doc in progress(_read(paths, lang), "comparing"):
        consistency.judge(split, doc)
    splits = sizes.splits()
    entities = sum(split.entities for split in splits.values())
    findings = [*(f for one in checks for f in one.findings()), *_reading(report, entities)]
    findings.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    return Report(splits, tuple(findings), tuple(consistency.suspects()))


def _read(paths: dict[str, Path], lang: str) -> Iterator[tuple[str, Doc]]:
    for split, path in paths.items():
        for file in docbin_files(path):
            # A vocabulary of its own, so that the words of one file can go.
            for doc in read_docbin(file, blank(lang).vocab):
                if len(doc):
                    yield split, doc


def _reading(report: dict[str, dict], entities: int) -> list[Finding]:
    """What convert noted of the files."""
    files = {
        file["source"]: file
        for name, entry in report.items()
        if name in {f"{split}.spacy" for split in SPLITS}
        for file in entry["files"]
    }
    return [
        Finding(
            "as-read",
            "warning" if note["count"] > 0.001 * entities else "info",
            f"{file['source']}: {note['count']:,} {note['message']}",
            "Mend the lines, or have such entities dropped: convert.py … --repair discard."
            if "tags break" in note["message"]
            else "See the lines: is that what is meant?",
            tuple(note["places"]),
        )
        for file in files.values()
        for note in file["notes"]
    ]
