"""Convert corpus files to .spacy files."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from spacy.tokens import Doc

from ..errors import InputError
from ..files import check_room, read_json, replace_together, write_json, writing
from ..progress import Progress, no_progress
from .docbin import (
    ATTRS,
    DocBinReader,
    DocBinWriter,
    DocMaker,
    check_language,
    count_sentences,
    to_doc,
)
from .documents import Document, TextDocument
from .notes import Note
from .options import ReadOptions
from .overlapping import entities_in
from .readers.formats import Reader, open_corpus
from .readers.tables import SAVED_SPLIT
from .sources import Source
from .splits import (
    REPORT,
    SPLITS,
    RandomSplits,
    data_files,
    find_splits,
    output_name,
    without_sides,
)

# Common encodings of languages with letters that Latin-1 and Windows-1252 lack.
OTHER_ENCODINGS = {
    "zh yue": "gb18030 or big5",
    "ja": "shift_jis or euc_jp",
    "ko": "euc_kr",
    "ru bg uk be sr mk tt ky": "cp1251 or koi8_r",
    "pl cs sk hu ro hr sl bs sq": "iso8859_2 or cp1250",
    "el grc": "iso8859_7",
    "tr az": "iso8859_9",
    "ar fa ur": "cp1256",
    "he yi": "cp1255",
    "lt lv et": "cp1257",
    "th": "tis_620",
    "vi": "cp1258",
}


@dataclass(frozen=True)
class FileRead:
    """What was detected about one file.

    source (str): The name of the file.
    format (str): The format, in words.
    encoding (str | None): The encoding, by its Python name.
    scheme (str | None): The tag scheme.
    marks_documents (bool): Whether the file marks document boundaries.
    notes (tuple[Note, ...]): Problems in the file, and how they were handled.
    """

    source: str
    format: str
    encoding: str | None
    scheme: str | None
    marks_documents: bool
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class Converted:
    """The contents of one converted .spacy file, or folder of .spacy files.

    target (str): The path.
    lang (str): The language code.
    files (tuple[FileRead, ...]): The files it was converted from.
    documents, sentences, words, entities (int): Counts. A text without sentence boundaries
        counts as one sentence.
    labels (dict[str, int]): Number of entities per label.
    """

    target: str
    lang: str
    files: tuple[FileRead, ...]
    documents: int
    sentences: int
    words: int
    entities: int
    labels: dict[str, int]

    def to_dict(self) -> dict:
        """RETURNS (dict): The fields, for JSON."""
        return asdict(self)


@dataclass
class _Target:
    """A .spacy file that is being written."""

    writer: DocBinWriter
    documents: int = 0
    sentences: int = 0
    words: int = 0
    labels: Counter = field(default_factory=Counter)

    def add(self, doc: Doc) -> bool:
        self.documents += 1
        self.words += len(doc)
        self.labels.update([ent.label_ for ent in entities_in(doc)])
        self.sentences += count_sentences(doc)
        return self.writer.add(doc)


def convert(
    inputs: Sequence[Path | Source],
    output: Path,
    *,
    options: ReadOptions = ReadOptions(),
    lang: str = "en",
    shares: Sequence[float] | None = None,
    seed: int = 0,
    progress: Progress = no_progress,
) -> list[Converted]:
    """Convert corpus files to .spacy files. The files are written together, or not at all if
    a file cannot be read. A large corpus becomes a folder of .spacy files.

    inputs (Sequence[Path | Source]): Files, or folders whose files are named after their
        split.
    output (Path): A folder for the .spacy files and convert.json, or one .spacy file for all
        inputs.
    options (ReadOptions): How to read the files. By default, formats are detected.
    lang (str): The language code, for restoring spaces and for spaCy's tokenizer.
    shares (Sequence[float] | None): Shares of train, dev and test, to split the documents of
        all inputs at random.
    seed (int): Random seed of the split.
    progress (Callable): Wraps an iterable of documents. Called with the name of the file.
    RETURNS (list[Converted]): The contents of each .spacy file.
    RAISES: InputError if a file cannot be read, or the disk is full.
    """
    into_file = output.suffix == ".spacy"
    if into_file and shares is not None:
        raise InputError(
            "cannot write several splits to one file. Set the output to a folder.", path=output
        )
    folder = output.parent if into_file else output
    check_language(lang)
    targets = _targets(inputs, output.name if into_file else None, shares is not None)
    folder.mkdir(parents=True, exist_ok=True)
    check_room(folder)
    with (
        TemporaryDirectory(prefix=".convert-", dir=folder) as staging,
        writing(folder, Path(staging)),
    ):
        results: list[Converted] = []
        for name, sources in targets.items():
            readers = [open_corpus(source, options) for source in sources]
            for source, reader in zip(sources, readers):
                _check_encoding(source, reader, options, lang)
            splits = None
            if shares is not None:
                # Documents are read twice: here, and when they are written.
                splits = RandomSplits(_documents(readers, progress, "drawing"), shares, seed)
            maker = partial(DocMaker, lang, overlaps=options.overlaps == "spans")
            written = _write(readers, name, splits, Path(staging), maker, progress)
            files = tuple(
                FileRead(
                    source=source.name,
                    format=reader.format,
                    encoding=reader.encoding and reader.encoding.removesuffix("-sig"),
                    scheme=reader.tags.scheme if reader.tags else None,
                    marks_documents=reader.marks_documents,
                    notes=tuple(reader.notes()),
                )
                for source, reader in zip(sources, readers)
            )
            results += [
                Converted(
                    target=str(folder / target_name),
                    lang=lang,
                    files=files,
                    documents=target.documents,
                    sentences=target.sentences,
                    words=target.words,
                    entities=target.labels.total(),
                    labels=dict(sorted(target.labels.items())),
                )
                for target_name, target in written.items()
            ]
        made = {Path(result.target).name: result.to_dict() for result in results}
        known = read_report(folder)
        # Remove splits of an earlier conversion that the inputs no longer have.
        gone = {
            name
            for name in known.keys() - made.keys()
            if not into_file and _comes_from(known[name], inputs)
        }
        kept = {n: e for n, e in known.items() if n not in gone and (folder / n).exists()}
        write_json(Path(staging, REPORT), kept | made)
        replace_together(Path(staging), folder, gone)
    return results


def _targets(
    inputs: Sequence[Path | Source], name: str | None, draws: bool
) -> dict[str, list[Source]]:
    """Map each .spacy file to the files it is converted from. The key is "" for random
    splits."""
    targets: dict[str, list[Source]] = {}
    kept = without_sides(given for given in inputs if isinstance(given, Path))
    for given in inputs:
        if isinstance(given, Path) and given not in kept:
            continue
        if name is not None or draws:
            found = {name or "": [given] if isinstance(given, Source) else data_files(given)}
        elif isinstance(given, Source):
            found = {output_name(Path(given.name.strip("<>"))): [given]}
        elif given.is_dir() and not (given / SAVED_SPLIT).is_file():
            found = {f"{split}.spacy": files for split, files in find_splits(given).items()}
        else:
            found = {output_name(given): data_files(given)}
        for target, files in found.items():
            if (
                target in targets
                and name is None
                and not draws
                and not (isinstance(given, Path) and given.is_dir())
            ):
                raise InputError(
                    f"both {targets[target][0].name} and {files[0].name} would become {target}. "
                    f"Convert them separately, or write them to one file: OUTPUT/{target}"
                )
            targets.setdefault(target, []).extend(files)
    return targets


def _check_encoding(source: Source, reader: Reader, options: ReadOptions, lang: str) -> None:
    """Reject a guess of Latin-1 for other languages. Any bytes can be decoded as Latin-1."""
    if options.encoding is None and reader.encoding in ("latin-1", "cp1252"):
        for languages, likely in OTHER_ENCODINGS.items():
            if lang in languages.split():
                raise InputError(
                    f"is not UTF-8, and {lang!r} is not written in Latin-1. Set the encoding: "
                    f"--encoding {likely}.",
                    path=source.name,
                )


def _documents(
    readers: Iterable[Reader], progress: Progress, about: str
) -> Iterator[Document | TextDocument | Doc]:
    for reader in readers:
        yield from progress(reader, about)


def _write(
    readers: Sequence[Reader],
    name: str,
    splits: RandomSplits | None,
    folder: Path,
    new_maker: Callable[[], DocMaker],
    progress: Progress,
) -> dict[str, _Target]:
    attrs = None if any(isinstance(reader, DocBinReader) for reader in readers) else ATTRS
    names = [name] if splits is None else [f"{split}.spacy" for split in SPLITS]
    targets = {name: _Target(DocBinWriter(folder / name, attrs)) for name in names}
    maker = new_maker()
    for reader in readers:
        for document in progress(reader, name or "writing"):
            target = targets[name if splits is None else f"{splits.split_of(document)}.spacy"]
            if target.add(to_doc(document, maker)):
                # Start a new vocabulary for each file, to free memory.
                maker = new_maker()
    written = {name: target for name, target in targets.items() if target.documents}
    if not written:
        raise InputError(f"no text for {name or 'any split'}. Are these the right files?")
    for target in written.values():
        target.writer.close()
    return written


def _comes_from(entry: dict, inputs: Sequence[Path | Source]) -> bool:
    """Whether all sources of an earlier .spacy file are in the input folders."""
    folders = [str(i) for i in inputs if isinstance(i, Path) and i.is_dir()]
    sources = [Path(file["source"]) for file in entry["files"]]
    return bool(sources) and all(
        any(Path(folder) in source.parents for folder in folders) for source in sources
    )


def read_report(folder: Path) -> dict[str, dict]:
    """Read the convert.json of a folder.

    folder (Path): The folder.
    RETURNS (dict[str, dict]): Each .spacy file's `Converted` as a dict, by file name. Empty if
        there is no convert.json, or it was not written by `convert`.
    """
    try:
        content = read_json(folder / REPORT, "convert")
    except (InputError, OSError):
        return {}
    wanted = {"source", "scheme", "notes"}
    return {
        name: entry
        for name, entry in (content.items() if isinstance(content, dict) else ())
        if isinstance(entry, dict)
        and isinstance(entry.get("files"), list)
        and all(isinstance(file, dict) and wanted <= file.keys() for file in entry["files"])
    }
