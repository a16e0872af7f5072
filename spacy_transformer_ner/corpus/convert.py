"""From corpus files to .spacy files."""

import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from spacy.util import get_lang_class
from spacy.vocab import Vocab

from ..errors import InputError
from .columns import ColumnFile
from .docbin import to_doc, write_docbin
from .documents import Document

SPLITS = ("train", "dev", "test")
# The shared tasks of CoNLL call their development set testa and their test set testb.
SPLIT_NAMES = (
    ("train", re.compile(r"train")),
    ("dev", re.compile(r"testa|dev|valid|(^|[._-])val([._-]|$)")),
    ("test", re.compile(r"test")),
)
DATA_SUFFIXES = (".conll", ".conll03", ".bio", ".iob", ".iob2", ".tsv", ".txt", ".ner")


@dataclass(frozen=True)
class Converted:
    """What was read from one file and where it went.

    source, target (str): The paths.
    encoding (str): The encoding found, as Python names it.
    scheme (str): The tag scheme found: "IOB1" or "IOB2".
    columns (int): The number of columns.
    marks_documents (bool): Whether the file has `-DOCSTART-` rows. Where it
        has none each sentence is a document unless it was said otherwise.
    documents, sentences, words, entities (int): Counts.
    labels (dict[str, int]): Entities per label.
    repaired (tuple[int, ...]): Lines where an `I-` tag that IOB2 does not
        allow was read as the start of an entity, as conlleval reads it.
    """

    source: str
    target: str
    encoding: str
    scheme: str
    columns: int
    marks_documents: bool
    documents: int
    sentences: int
    words: int
    entities: int
    labels: dict[str, int]
    repaired: tuple[int, ...]

    def to_dict(self) -> dict:
        """RETURNS (dict): The fields, for JSON."""
        return asdict(self)


def split_of(path: Path) -> str | None:
    """Tell from its name which split a file is: `eng.testa` is dev.

    path (Path): The file.
    RETURNS (str | None): "train", "dev", "test" or None.
    """
    name = path.name.lower()
    return next((split for split, pattern in SPLIT_NAMES if pattern.search(name)), None)


def find_splits(folder: Path) -> dict[str, Path]:
    """Find the files of a folder that are its train, dev and test split.

    folder (Path): The folder.
    RETURNS (dict[str, Path]): Split to file, in the order train, dev, test.
    RAISES: InputError if train or dev is missing or two files are for one
        split; it ends with what the folder's README.md says of where to get them.
    """
    files = sorted(
        path
        for path in folder.iterdir()
        if path.is_file()
        and not path.name.startswith(".")
        and path.suffix.lower() not in (".md", ".spacy")
    )
    splits: dict[str, Path] = {}
    for path in files:
        split = split_of(path)
        if split in splits:
            raise InputError(
                f"both {splits[split].name} and {path.name} look like the {split} split. "
                "Leave one of them, or convert the files one by one.",
                path=folder,
            )
        if split is not None:
            splits[split] = path
    missing = [split for split in ("train", "dev") if split not in splits]
    if missing:
        found = ", ".join(path.name for path in files) or "nothing"
        raise InputError(
            f"no {' and no '.join(missing)} file is in this folder (found: {found}). Files are "
            "told by their names: train; dev, testa or valid; test or testb."
            + _advice(folder),
            path=folder,
        )
    return {split: splits[split] for split in SPLITS if split in splits}


def _advice(folder: Path) -> str:
    readme = folder / "README.md"
    return f"\n\n{readme.read_text('utf-8', 'replace').strip()}" if readme.is_file() else ""


def output_name(path: Path) -> str:
    """RETURNS (str): The name of the .spacy file made from a single file:
    `train.conll` becomes `train.spacy`, `eng.testa` `eng.testa.spacy`."""
    return f"{path.stem if path.suffix.lower() in DATA_SUFFIXES else path.name}.spacy"


def convert(
    source: str | Path,
    output_dir: str | Path,
    *,
    lang: str = "en",
    encoding: str | None = None,
    sentences_per_document: int = 1,
    progress: Callable[[Iterable[Document], str], Iterable[Document]] = lambda docs, _: docs,
) -> list[Converted]:
    """Convert a column file, or the splits of a folder, to .spacy files.

    source (str | Path): A file, or a folder with train, dev and test files.
    output_dir (str | Path): Where the .spacy files go. None of them is
        touched unless all can be read. Of a folder's, those of splits that it
        has not are removed.
    lang (str): The language's code.
    encoding (str | None): The files' encoding; detected for each if None.
    sentences_per_document (int): Where a file marks no documents, how many
        sentences make one.
    progress (Callable): Wraps the stream of documents of each file, whose path
        it is given, to show progress.
    RETURNS (list[Converted]): What was read, a file each.
    RAISES: InputError for anything that cannot be read, or a language that
        spaCy has not.
    """
    source, output_dir = Path(source), Path(output_dir)
    if source.is_dir():
        targets = {p: f"{split}.spacy" for split, p in find_splits(source).items()}
    elif source.is_file():
        targets = {source: output_name(source)}
    else:
        raise InputError("there is no such file or folder.", path=source)
    try:
        get_lang_class(lang)
    except ImportError:
        raise InputError(f"spaCy has no language {lang!r}.") from None
    vocab = Vocab()
    results = []
    output_dir.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".convert-", dir=output_dir) as staging:
        for path, name in targets.items():
            file = ColumnFile(
                path, encoding=encoding, sentences_per_document=sentences_per_document
            )
            documents = progress(file, str(path))
            write_docbin(
                (to_doc(document, vocab, lang) for document in documents), Path(staging, name)
            )
            results.append(
                Converted(
                    source=str(path),
                    target=str(output_dir / name),
                    encoding=file.encoding.removesuffix("-sig"),
                    scheme=file.tags.scheme,
                    columns=file.columns or 0,
                    marks_documents=file.marks_documents,
                    documents=file.documents,
                    sentences=file.sentences,
                    words=file.words,
                    entities=sum(file.tags.labels.values()),
                    labels=dict(sorted(file.tags.labels.items())),
                    repaired=tuple(file.tags.orphans),
                )
            )
        for name in targets.values():
            Path(staging, name).replace(output_dir / name)
    if source.is_dir():
        # A split that the source no longer has is not to be taken for its own.
        for split in SPLITS:
            if f"{split}.spacy" not in targets.values():
                (output_dir / f"{split}.spacy").unlink(missing_ok=True)
    return results
