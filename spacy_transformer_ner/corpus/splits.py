"""Which files, or which documents, are the train, dev and test split."""

import re
from array import array
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy
from spacy.tokens import Doc

from ..errors import InputError
from .documents import Document, TextDocument
from .readers.tables import dataset_splits
from .sources import Source

SPLITS = ("train", "dev", "test")
# What convert says of the .spacy files of a folder. It makes the folder no source.
REPORT = "convert.json"
# The shared tasks of CoNLL call their development set testa and their test set testb.
SPLIT_NAMES = (
    ("train", re.compile(r"train")),
    ("dev", re.compile(r"testa|dev|valid|(^|[._-])val([._-]|$)")),
    ("test", re.compile(r"test")),
)
DATA_SUFFIXES = (
    ".conll", ".conll03", ".conllu", ".conllup", ".bio", ".iob", ".iob2", ".tsv", ".txt", ".ner",
    ".json", ".jsonl", ".parquet", ".spacy",
)  # fmt: skip
# How much of a folder's README is shown, in characters.
ADVICE = 10_000
# What lies beside the data of a corpus.
NO_DATA = re.compile(
    r"(?i)\..*|readme.*|licen[cs]e.*|.*\.(md|ann|cfg|py|pdf|html?|rst|bak|orig|log|swp|tmp)|.*~|(annotation|visual|kb_shortcuts|tools)\.conf"
    r"|(label|labels|label2id|dataset_infos?|dataset_dict|state|convert)\.json|labels\.txt"
)


def split_of(path: Path) -> str | None:
    """Tell from its name which split a file is: `eng.testa` is dev.

    path (Path): The file.
    RETURNS (str | None): "train", "dev", "test" or None.
    """
    name = path.name.lower()
    return next((split for split, pattern in SPLIT_NAMES if pattern.search(name)), None)


def output_name(path: Path) -> str:
    """Name the .spacy file of a source.

    path (Path): The source.
    RETURNS (str): Its name without the suffix of its format, so that eng.testa
        and eng.testb do not become one.
    """
    path = path.with_suffix("") if path.suffix == ".gz" else path
    known = path.suffix.lower() in DATA_SUFFIXES
    return f"{path.stem if known else path.name}.spacy"


def data_files(path: Path) -> list[Source]:
    """Find the files of a corpus.

    path (Path): A file, a folder with files, also deeper down, or a data set
        that Hugging Face's datasets saved.
    RETURNS (list[Source]): The files, sorted.
    RAISES: InputError if there is none.
    """
    if path.is_file():
        return [Source.at(path)]
    if not path.is_dir():
        raise InputError("there is no such file or folder.", path=path)
    saved = dataset_splits(path)
    if saved is not None:
        return [Source.at(folder) for folder in saved.values()]
    files = _files_within(path, set())
    if not files:
        raise InputError("holds no files of a corpus.", path=path)
    # Beside their sources, .spacy files are what was made of them.
    return [file for file in files if file.path.suffix != ".spacy"] or files


def _files_within(folder: Path, seen: set[Path]) -> list[Source]:
    if folder.resolve() in seen:  # A link to a folder that it is in.
        return []
    seen.add(folder.resolve())
    if dataset_splits(folder) is not None:
        return data_files(folder)
    files: list[Source] = []
    for child in _children(folder):
        files += _files_within(child, seen) if child.is_dir() else [Source.at(child)]
    return files


def _children(folder: Path) -> list[Path]:
    """What may be data: not what convert has made, nor what lies beside data."""
    return sorted(
        child
        for child in folder.iterdir()
        # Not a pipe or a device either, which may never end.
        if (child.is_file() or child.is_dir())
        and not NO_DATA.fullmatch(child.name)
        and not (child / REPORT).is_file()
    )


def find_splits(folder: Path) -> dict[str, list[Source]]:
    """Find the files of a folder that are its train, dev and test split.

    folder (Path): The folder. A split is a file, files that differ in numbers
        alone, a folder with files, or a split of a saved data set.
    RETURNS (dict[str, list[Source]]): Split to files, in the order train, dev, test.
    RAISES: InputError if train or dev is missing or two files are for one
        split; it ends with what the folder's README.md says of where to get them.
    """
    saved = dataset_splits(folder) or {}
    children = list(saved.values()) or _children(folder)
    texts = [c for c in children if c.suffix != ".spacy"]
    if any(split_of(child) for child in texts):
        # Beside their sources, .spacy files are what was made of them.
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
                "Leave one of them, or convert the files one by one.",
                path=folder,
            )
        first.setdefault(split, child)
        splits.setdefault(split, []).extend([Source.at(child)] if saved else data_files(child))
    missing = [split for split in ("train", "dev") if split not in splits]
    if missing:
        found = ", ".join(path.name for path in children) or "nothing"
        raise InputError(
            f"no {' and no '.join(missing)} file is in this folder (found: {_cut(found)}). Files "
            "are told by their names: train; dev, testa or valid; test or testb. Or have "
            "documents drawn at random: --split 80,10,10." + _advice(folder),
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
    """Read the shares of splits.

    text (str): e.g. "80,10,10" for train, dev and test, or "90,10" without test.
    RETURNS (tuple[float, ...]): Two or three shares that sum to 1.
    RAISES: InputError if these are none.
    """
    try:
        shares = [float(part) for part in text.replace("/", ",").split(",")]
    except ValueError:
        shares = []
    if len(shares) not in (2, 3) or not all(0 < share < float("inf") for share in shares):
        raise InputError(
            f"--split {text}: give the shares of train, dev and test, like 80,10,10, or of train "
            "and dev, like 90,10."
        )
    return tuple(share / sum(shares) for share in shares)


class RandomSplits:
    """Draws documents for splits at random: the same for the same documents and
    seed, whatever their order. Equal documents come into one split.

    documents (Iterable[Document | TextDocument | Doc]): All documents.
    shares (Sequence[float]): The shares of train, dev and test.
    seed (int): The seed.
    RAISES: InputError if there are fewer different documents than splits.
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
                f"{len(drawn)} different documents cannot be split in {len(shares)}. If the "
                "files do not mark documents, let --n-sents be smaller."
            )
        ends = numpy.cumsum(shares)[:-1] * len(drawn)
        # None is empty, however small its share.
        low = numpy.arange(1, len(shares))
        high = len(drawn) - low[::-1]
        self._bounds = drawn[numpy.clip(numpy.rint(ends).astype(int), low, high)]

    def split_of(self, document: Document | TextDocument | Doc) -> str:
        """document (Document | TextDocument | Doc): One of the documents.
        RETURNS (str): Its split."""
        drawn = numpy.uint64(self._draw(document))
        return SPLITS[int(numpy.searchsorted(self._bounds, drawn, side="right"))]

    def _draw(self, document: Document | TextDocument | Doc) -> int:
        digest = blake2b(f"{self.seed} ".encode(), digest_size=8)
        if isinstance(document, Document) and document.id:
            # Its parts may stand apart in the file.
            digest.update(f"{document.path} {document.id}".encode())
        elif isinstance(document, Document):
            for sentence in document.sentences:
                # Without blanks, because a format may not have kept them.
                digest.update("".join("".join(sentence.words).split()).encode())
        else:
            digest.update("".join(document.text.split()).encode())
        return int.from_bytes(digest.digest(), "big")
