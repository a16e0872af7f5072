"""Check a corpus."""

from collections.abc import Iterator
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc
from spacy.vocab import create_vocab

from ..corpus.convert import read_report
from ..corpus.docbin import blank, docbin_files, read_docbin
from ..corpus.splits import SPLITS
from ..errors import InputError
from ..progress import Progress, no_progress
from .boundaries import Boundaries
from .consistency import Consistency
from .conversion import Conversion
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
    """Check the .spacy files of a corpus. The files are read three times. Memory grows with the
    number of distinct names and texts, not with the size of the files.

    corpus_dir (str | Path): The folder with train.spacy, dev.spacy, and optionally test.spacy.
    lang (str | None): The language code, for spaCy's tokenizer. If None, the language that the
        corpus was converted with, or else English.
    encoder (str | None): The encoder to train, to check its wordpieces.
    progress (Callable): Wraps an iterable of documents. Called with a description.
    RETURNS (Report): The report.
    RAISES: InputError if train or dev is missing or cannot be read, spaCy doesn't support the
        language, or the encoder cannot be found.
    """
    corpus_dir = Path(corpus_dir)
    report = read_report(corpus_dir)
    lang = lang or next((str(e["lang"]) for e in report.values() if "lang" in e), "en")
    nlp = blank(lang)
    paths = paths_of(corpus_dir)
    sizes, consistency = Sizes(paths), Consistency()
    checks: list[Check] = [sizes, Boundaries(nlp), Conversion(), Duplicates(), consistency]
    if encoder is not None:
        checks.append(WordpieceCheck(encoder))
    for split, doc in progress(_read(paths, nlp), "checking"):
        for one in checks:
            one.see(split, doc)
    for split, doc in progress(_read(paths, nlp), "counting"):
        consistency.count(split, doc)
    for split, doc in progress(_read(paths, nlp), "comparing"):
        consistency.judge(split, doc)
    splits = sizes.splits()
    entities = sum(split.entities for split in splits.values())
    findings = [*(f for one in checks for f in one.findings()), *_convert_notes(report, entities)]
    findings.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    return Report(splits, tuple(findings), tuple(consistency.suspects()))


def paths_of(corpus_dir: Path) -> dict[str, Path]:
    """Find the .spacy files of a corpus.

    corpus_dir (Path): The folder with train.spacy, dev.spacy, and optionally test.spacy.
    RETURNS (dict[str, Path]): The file of each split, or its folder of .spacy files.
    RAISES: InputError if train or dev is missing.
    """
    paths = {
        split: corpus_dir / f"{split}.spacy"
        for split in SPLITS
        if split != "test" or (corpus_dir / "test.spacy").exists()
    }
    for path in paths.values():
        others = sorted(p.name for p in corpus_dir.glob("*.spacy") if p.stem not in SPLITS)
        if others and not path.exists():
            raise InputError(
                f"contains {', '.join(others[:5])}, but no {path.name}. Split the corpus with "
                f"spacy ner convert … --split 80,10,10, or convert to {corpus_dir / path.name}.",
                path=corpus_dir,
            )
        docbin_files(path)
    return paths


def _read(paths: dict[str, Path], nlp: Language) -> Iterator[tuple[str, Doc]]:
    for split, path in paths.items():
        for file in docbin_files(path):
            # A new vocabulary for each file, to free memory.
            for doc in read_docbin(file, create_vocab(nlp.lang, nlp.Defaults)):
                if len(doc):
                    yield split, doc


def _convert_notes(report: dict[str, dict], entities: int) -> list[Finding]:
    """Create findings from the notes in convert.json."""
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
            f"{file['source']}: {note['message']} ({note['count']:,})",
            "Fix these lines, or drop the entities: spacy ner convert … --repair discard."
            if "tags break" in note["message"]
            else "Check whether this is intended.",
            tuple(note["places"]),
        )
        for file in files.values()
        for note in file["notes"]
    ]
