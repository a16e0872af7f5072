"""Find or draw the train, dev and test split."""

import re
from array import array
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy
from spacy.tokens import Doc

from ..errors import InputError
from .documents import Document, TextDocument
from .readers.csv_entities import TABLES, entities_of_files
from .readers.markdown import is_markdown, is_rasa
from .readers.tables import dataset_splits
from .readers.text_files import texts_of_records
from .sources import Source

SPLITS = ("train", "dev", "test")
# The report of convert. A folder that contains it is output, not input.
REPORT = "convert.json"
# In the CoNLL shared tasks, testa is the development set and testb the test set.
SPLIT_NAMES = (
    ("train", re.compile(r"train")),
    ("dev", re.compile(r"testa|dev|valid|(^|[._-])val([._-]|$)")),
    ("test", re.compile(r"test")),
)
DATA_SUFFIXES = (
    ".conll", ".conll03", ".conllu", ".conllup", ".bio", ".iob", ".iob2", ".tsv", ".txt", ".ner",
    ".json", ".jsonl", ".parquet", ".spacy", ".csv", ".xml", ".sgm", ".sgml", ".md", ".yml", ".yaml",
    ".ann", ".pubtator",
)  # fmt: skip
# Number of characters from which Markdown and YAML are recognised as data.
START = 1 << 16
# Maximum number of characters of a folder's README to show.
ADVICE = 10_000
# Files of a corpus that are not data.
NO_DATA = re.compile(
    r"(?i)\..*|readme.*|licen[cs]e.*|changelog.*|.*\.(ann|cfg|py|pdf|html?|rst|bak|orig|log|swp|tmp)|.*~|(annotation|visual|kb_shortcuts|tools)\.conf"
    r"|(label|labels|label2id|dataset_infos?|dataset_dict|state|convert)\.json|labels\.txt"
    r"|reviewed\.jsonl"
)


def split_of(path: Path) -> str | None:
    """Get the split of a file from its name. `eng.testa` is dev.

    path (Path): The file.
    RETURNS (str | None): "train", "dev", "test" or None.
    """
    name = path.name.lower()
    return next((split for split, pattern in SPLIT_NAMES if pattern.search(name)), None)


def output_name(path: Path) -> str:
    """Get the name of the .spacy file of a source.

    path (Path): The source.
    RETURNS (str): The name, without suffixes of known formats only, so that eng.testa and
        eng.testb get different names.
    """
    path = path.with_suffix("") if path.suffix == ".gz" else path
    known = path.suffix.lower() in DATA_SUFFIXES
    return f"{path.stem if known else path.name}.spacy"


def data_files(path: Path) -> list[Source]:
    """Find the files of a corpus.

    path (Path): A file, a folder, which is searched recursively, or a data set that was saved
        by Hugging Face's datasets.
    RETURNS (list[Source]): The files, sorted.
    RAISES: InputError if there are none.
    """
    if path.is_file():
        return [Source.at(path)]
    if not path.is_dir():
        raise InputError("no such file or folder.", path=path)
    saved = dataset_splits(path)
    if saved is not None:
        return [Source.at(folder) for folder in saved.values()]
    files = _files_within(path, set())
    if not files:
        raise InputError("contains no corpus files.", path=path)
    # .spacy files next to other files were converted from them.
    return [file for file in files if file.path.suffix != ".spacy"] or files


def _files_within(folder: Path, seen: set[Path]) -> list[Source]:
    if folder.resolve() in seen:  # a symbolic link to a parent folder
        return []
    seen.add(folder.resolve())
    if dataset_splits(folder) is not None:
        return data_files(folder)
    files: list[Source] = []
    for child in _children(folder):
        files += _files_within(child, seen) if child.is_dir() else [Source.at(child)]
    return files


def _children(folder: Path) -> list[Path]:
    """List files and folders that can be data, without the output of convert."""
    children = sorted(
        child
        for child in folder.iterdir()
        # No pipes and devices, which may be endless.
        if child.is_dir() and not (child / REPORT).is_file() or child.is_file()
    )
    named = texts_of_records(children)
    texts = {text for found in named.values() for text in found}
    return [
        child
        for child in children
        if child in named
        or (
            not NO_DATA.fullmatch(child.name)
            and child not in texts
            and (child.is_dir() or _is_data(child))
        )
    ]


def _is_data(path: Path) -> bool:
    """Whether a file is data, and not documentation, settings or the entities of other files."""
    suffix = path.suffix.lower()
    if suffix in (".md", ".yml", ".yaml"):
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read(START)
        return is_rasa(text) or (split_of(path) is not None and is_markdown(text))
    if suffix in TABLES and (entities := entities_of_files(path)) is not None:
        return not entities.is_beside(path.parent)
    return True


def without_sides(paths: Iterable[Path]) -> list[Path]:
    """Leave out the files that only have the entities of other files.

    paths (Iterable[Path]): Files and folders.
    RETURNS (list[Path]): The paths without brat's .ann files and tables of entities, if their
        text is one of the paths, and without texts that a JSON file of entities names.
    """
    given = list(paths)
    found = []
    beside = {text for texts in texts_of_records(given).values() for text in texts}
    for path in given:
        if path in beside:
            continue
        texts: Iterable[str] = ()
        if path.suffix == ".ann":
            texts = (path.with_suffix(".txt").name,)
        elif path.suffix.lower() in TABLES and (entities := entities_of_files(path)):
            texts = [name for file in entities.entities for name in (file, f"{file}.txt")]
        if not any(path.with_name(text) in given for text in texts):
            found.append(path)
    return found


def find_splits(folder: Path) -> dict[str, list[Source]]:
    """Find the train, dev and test files of a folder.

    folder (Path): The folder. A split is a file, files that only differ in numbers, a folder
        of files, or a split of a saved data set.
    RETURNS (dict[str, list[Source]]): The files of each split, in the order train, dev, test.
    RAISES: InputError if train or dev is missing, or a split is ambiguous. The message for
        missing files ends with the folder's README.md, which may say where to get them.
    """
    saved = dataset_splits(folder) or {}
    children = list(saved.values()) or _children(folder)
    texts = [c for c in children if c.suffix != ".spacy"]
    if any(split_of(child) for child in texts):
        # .spacy files next to other files were converted from them.
        children = texts
    splits: dict[str, list[Source]] = {}
    first: dict[str, Path] = {}
    for child in children:
        split = split_of(child)
        if split is None:
            continue
        if split in first and (_numberless(child) != _numberless(first[split]) or child.is_dir()):
            raise InputError(
                f"both {first[split].name} and {child.name} look like the {split} split. "
                "Remove one of them, or convert the files one by one.",
                path=folder,
            )
        first.setdefault(split, child)
        splits.setdefault(split, []).extend([Source.at(child)] if saved else data_files(child))
    missing = [split for split in ("train", "dev") if split not in splits]
    if missing:
        found = ", ".join(path.name for path in children) or "nothing"
        raise InputError(
            f"no {' and no '.join(missing)} file in this folder (found: {_cut(found)}). Name the "
            "files after their split (train; dev, testa or valid; test or testb), or split the "
            "documents at random: --split 80,10,10." + _advice(folder),
            path=folder,
        )
    return {split: splits[split] for split in SPLITS if split in splits}


def _numberless(path: Path) -> str:
    return re.sub(r"\d+", "#", path.name)


def _cut(text: str) -> str:
    return text if len(text) <= 300 else f"{text[:300]}…"


def _advice(folder: Path) -> str:
    readme = folder / "README.md"
    if not readme.is_file():
        return ""
    with open(readme, encoding="utf-8", errors="replace") as file:
        return f"\n{file.read(ADVICE).strip()}"


def parse_shares(text: str) -> tuple[float, ...]:
    """Parse the shares of splits.

    text (str): E.g. "80,10,10" for train, dev and test, or "90,10" for train and dev.
    RETURNS (tuple[float, ...]): Two or three shares that sum to 1.
    RAISES: InputError if the text is invalid.
    """
    try:
        shares = [float(part) for part in text.replace("/", ",").split(",")]
    except ValueError:
        shares = []
    if len(shares) not in (2, 3) or not all(0 < share < float("inf") for share in shares):
        raise InputError(
            f"--split {text}: expected the shares of train, dev and test, e.g. 80,10,10, or of "
            "train and dev, e.g. 90,10."
        )
    return tuple(share / sum(shares) for share in shares)


class RandomSplits:
    """Assigns documents to random splits. The result depends on the documents and the seed, not
    on the order of the documents. Identical documents are in the same split.

    documents (Iterable[Document | TextDocument | Doc]): All documents.
    shares (Sequence[float]): The shares of train, dev and test.
    seed (int): The random seed.
    RAISES: InputError if there are fewer distinct documents than splits.
    """

    def __init__(
        self,
        documents: Iterable[Document | TextDocument | Doc],
        shares: Sequence[float],
        seed: int,
    ):
        self.seed = seed
        drawn = numpy.unique(numpy.array(array("Q", map(self._draw, documents))))
        if len(drawn) < len(shares):
            raise InputError(
                f"cannot split {len(drawn)} distinct documents into {len(shares)} splits. If the "
                "files do not mark documents, set a smaller --n-sents."
            )
        ends = numpy.cumsum(shares)[:-1] * len(drawn)
        # Each split gets at least one document.
        low = numpy.arange(1, len(shares))
        high = len(drawn) - low[::-1]
        self._bounds = drawn[numpy.clip(numpy.rint(ends).astype(int), low, high)]

    def split_of(self, document: Document | TextDocument | Doc) -> str:
        """Get the split of a document.

        document (Document | TextDocument | Doc): One of the documents.
        RETURNS (str): The split.
        """
        drawn = numpy.uint64(self._draw(document))
        return SPLITS[int(numpy.searchsorted(self._bounds, drawn, side="right"))]

    def _draw(self, document: Document | TextDocument | Doc) -> int:
        digest = blake2b(f"{self.seed} ".encode(), digest_size=8)
        if isinstance(document, Document) and document.id:
            # The parts of a document may not be consecutive in the file.
            digest.update(f"{document.path} {document.id}".encode())
        elif isinstance(document, Document):
            for sentence in document.sentences:
                # Without whitespace, because some formats don't keep it.
                digest.update("".join("".join(sentence.words).split()).encode())
        else:
            digest.update("".join(document.text.split()).encode())
        return int.from_bytes(digest.digest(), "big")
