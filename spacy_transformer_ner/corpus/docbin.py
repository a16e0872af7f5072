"""Convert documents to Docs, and read and write .spacy files."""

import shutil
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

import spacy
from spacy.language import Language
from spacy.tokenizer import Tokenizer
from spacy.tokens import Doc, DocBin
from spacy.tokens import Span as DocSpan
from spacy.util import get_lang_class
from spacy.vocab import Vocab

from ..errors import InputError
from .documents import Document, TextDocument
from .notes import Note
from .origin import set_origin
from .overlapping import set_entities
from .sources import LONGEST_RECORD, Source
from .spacing import restore_spaces

# The attributes of converted documents, in addition to words and spaces.
ATTRS = ("ENT_IOB", "ENT_TYPE", "SENT_START")
# Words per .spacy file. A file is in memory while it is written or read, so this bounds the
# memory. For very long words, LONGEST_RECORD does.
SHARD_WORDS = 500_000


def check_language(lang: str) -> None:
    """Check that spaCy supports a language.

    lang (str): The language code.
    RAISES: InputError if spaCy doesn't support it.
    """
    try:
        get_lang_class(lang)
    except (ImportError, AttributeError):
        raise InputError(f"spaCy has no language {lang!r}.") from None


def blank(lang: str) -> Language:
    """Create a blank pipeline, for its tokenizer.

    lang (str): The language code.
    RETURNS (Language): The pipeline.
    RAISES: InputError if spaCy doesn't support the language, or it needs a package that is
        not installed.
    """
    check_language(lang)
    try:
        return spacy.blank(lang)
    except ImportError as error:
        said = " ".join(str(error).split())
        raise InputError(f"cannot load spaCy's tokenizer for {lang!r}: {said}") from None


class DocMaker:
    """The vocabulary and tokenizer of new Docs. The vocabulary grows with the number of
    distinct words.

    lang (str): The language code, for restoring spaces and for spaCy's tokenizer.
    overlaps (bool): Whether entities may overlap, see `overlapping.set_entities`.
    """

    def __init__(self, lang: str, *, overlaps: bool = False):
        self.lang = lang
        self.overlaps = overlaps
        self.vocab = Vocab()

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """RETURNS (Tokenizer): spaCy's tokenizer. Created on first use, because it takes
        seconds: spaCy loads every package that extends it."""
        return blank(self.lang).tokenizer


def to_doc(document: Document | TextDocument | Doc, maker: DocMaker) -> Doc:
    """Convert a document to a Doc with entities, sentences if they are known, and origin.

    document (Document | TextDocument | Doc): The document. For a `Document`, unknown spaces
        are restored. A `TextDocument` is split by spaCy's tokenizer, and at entity boundaries
        within tokens.
    maker (DocMaker): The vocabulary, language and tokenizer.
    RETURNS (Doc): The Doc. A Doc is returned unchanged.
    """
    if isinstance(document, Doc):
        return document
    if isinstance(document, TextDocument):
        return _from_text(document, maker)
    words: list[str] = []
    spaces: list[bool] = []
    starts: list[bool | int | None] = []
    offsets: list[int] = []
    spacing = restore_spaces((s.words for s in document.sentences), maker.lang)
    for sentence, restored in zip(document.sentences, spacing):
        offsets.append(len(words))
        words.extend(sentence.words)
        spaces.extend(restored if sentence.spaces is None else sentence.spaces)
        starts.append(True)
        starts.extend([False] * (len(sentence.words) - 1))
    spaces[-1] = False
    doc = Doc(maker.vocab, words=words, spaces=spaces, sent_starts=starts)
    spans = [
        DocSpan(doc, offset + span.start, offset + span.end, label=span.label)
        for offset, sentence in zip(offsets, document.sentences)
        for span in sentence.entities
    ]
    set_entities(doc, spans, overlaps=maker.overlaps)
    set_origin(doc, document.path, zip(offsets, (s.lines for s in document.sentences)))
    return doc


def _from_text(document: TextDocument, maker: DocMaker) -> Doc:
    text = document.text
    if document.tokens is None:
        # Not nlp.make_doc, which limits the length of the text.
        doc = maker.tokenizer(text)
        ends = {t.idx + len(t) for t in doc} | {t.idx for t in doc}
        cuts = {c for e in document.entities for c in (e.start, e.end)} - ends
        if cuts:
            bounds = [(t.idx, t.idx + len(t)) for t in doc]
            doc = _split(text, bounds, cuts, maker.vocab)
    else:
        cuts = {c for e in document.entities for c in (e.start, e.end)}
        doc = _split(text, document.tokens, cuts, maker.vocab)
    ents = [doc.char_span(e.start, e.end, label=e.label) for e in document.entities]
    set_entities(doc, [ent for ent in ents if ent is not None], overlaps=maker.overlaps)
    if document.sentences is not None:
        begins = set(document.sentences)
        for token in doc:
            token.is_sent_start = token.i == 0 or token.idx in begins
    if document.follows_text:
        lines, line, position = [], document.line, 0
        for token in doc:
            line += text.count("\n", position, token.idx)
            position = token.idx
            lines.append(line)
    else:
        lines = [document.line] * len(doc)
    set_origin(doc, document.path, [(0, lines)])
    return doc


def _split(
    text: str,
    tokens: tuple[tuple[int, int], ...] | list[tuple[int, int]],
    cuts: set[int],
    vocab: Vocab,
) -> Doc:
    """Create a Doc from token offsets, and split the tokens at `cuts`. A single space between
    tokens becomes trailing whitespace, any other whitespace a token."""
    words: list[str] = []
    spaces: list[bool] = []
    position = 0
    inner = sorted(cuts)
    for start, end in (*tokens, (len(text), len(text))):
        gap = text[position:start]
        if gap and words and gap[0] == " ":
            spaces[-1] = True
            gap = gap[1:]
        if gap:
            words.append(gap)
            spaces.append(False)
        points = [start, *(c for c in inner if start < c < end), end] if inner else [start, end]
        for a, b in zip(points, points[1:]):
            if b > a:
                words.append(text[a:b])
                spaces.append(False)
        position = end
    return Doc(vocab, words=words, spaces=spaces)


class DocBinWriter:
    """Writes Docs to a .spacy file. Many Docs are written to a folder of that name with
    numbered .spacy files, which spaCy reads like one file.

    path (Path): The file or folder. Must not exist.
    attrs (tuple[str, ...] | None): The attributes to store. spaCy's default if None.
    shard_words (int): The number of words after which a new file starts.
    """

    def __init__(
        self,
        path: Path,
        attrs: tuple[str, ...] | None = ATTRS,
        shard_words: int = SHARD_WORDS,
    ):
        self.path = path
        self.shard_words = shard_words
        self._attrs = attrs
        self._docbin = self._new()
        self._words = self._characters = 0
        self._shards = 0

    def _new(self) -> DocBin:
        if self._attrs is None:
            return DocBin(store_user_data=True)
        return DocBin(attrs=self._attrs, store_user_data=True)

    def add(self, doc: Doc) -> bool:
        """Write a Doc.

        doc (Doc): The Doc.
        RETURNS (bool): Whether this Doc completed a file. If so, the vocabulary of its Docs is
            no longer needed.
        """
        self._docbin.add(doc)
        self._words += len(doc)
        self._characters += doc[-1].idx + len(doc[-1]) if len(doc) else 0
        if self._words < self.shard_words and self._characters < LONGEST_RECORD:
            return False
        folder = self.path.with_name(f"{self.path.name}.shards")
        folder.mkdir(exist_ok=True)
        self._write(folder / f"{self._shards:05}.spacy")
        return True

    def _write(self, path: Path) -> None:
        self._docbin.to_disk(path)
        self._docbin = self._new()
        self._words = self._characters = 0
        self._shards += 1

    def close(self) -> None:
        """Write the remaining Docs, and move the file or folder to its path."""
        folder = self.path.with_name(f"{self.path.name}.shards")
        if not self._shards:
            self._write(self.path)
            return
        if self._words:
            self._write(folder / f"{self._shards:05}.spacy")
        if self._shards > 1:
            folder.replace(self.path)
        else:
            (folder / "00000.spacy").replace(self.path)
            shutil.rmtree(folder)


def docbin_files(path: str | Path) -> list[Path]:
    """List the .spacy files of a path.

    path (str | Path): A .spacy file, or a folder of .spacy files.
    RETURNS (list[Path]): The files, sorted.
    RAISES: InputError if there are none.
    """
    path = Path(path)
    files = sorted(path.rglob("*.spacy")) if path.is_dir() else [path] if path.is_file() else []
    if not files:
        raise InputError("not found. Create it with: spacy ner convert", path=path)
    return files


def read_docbin(path: str | Path, vocab: Vocab) -> Iterator[Doc]:
    """Read the Docs of a .spacy file, or of a folder of .spacy files.

    path (str | Path): The file or folder.
    vocab (Vocab): The vocabulary of the Docs.
    YIELDS (Doc): The Docs.
    RAISES: InputError if the file doesn't exist or is not a valid .spacy file.
    """
    for file in docbin_files(path):
        try:
            yield from DocBin().from_disk(file).get_docs(vocab)
        except Exception:
            # msgpack, zlib and spaCy raise many kinds of errors for invalid bytes.
            raise InputError(
                "is not a .spacy file, or is damaged. Create it again with: spacy ner convert",
                path=file,
            ) from None


def unannotated(reference: Doc, vocab: Vocab, *, sentences: bool = False) -> Doc:
    """Copy the tokens of a Doc without their annotation.

    reference (Doc): The Doc.
    vocab (Vocab): The vocabulary of the copy.
    sentences (bool): Whether to copy the sentence boundaries.
    RETURNS (Doc): The copy.
    """
    return Doc(
        vocab,
        words=[token.text for token in reference],
        spaces=[bool(token.whitespace_) for token in reference],
        sent_starts=[token.is_sent_start for token in reference] if sentences else None,
    )


def sentences_of(doc: Doc) -> Iterable[DocSpan]:
    """Get the sentences of a Doc.

    doc (Doc): The Doc.
    RETURNS (Iterable[Span]): The sentences, or the whole Doc if they are not known.
    """
    return doc.sents if doc.has_annotation("SENT_START") else [doc[:]]


def count_sentences(doc: Doc) -> int:
    """Count the sentences of a Doc.

    doc (Doc): The Doc.
    RETURNS (int): The number of sentences. 1 if they are not known.
    """
    if not doc.has_annotation("SENT_START"):
        return 1
    return int((doc.to_array("SENT_START") == 1).sum())


class DocBinReader:
    """Reads the Docs of a .spacy file unchanged.

    source (Source): The file.
    """

    format = "spaCy's DocBin"
    encoding: str | None = None
    tags = None
    marks_documents = True

    def __init__(self, source: Source):
        self.source = source

    def notes(self) -> list[Note]:
        """RETURNS (list[Note]): An empty list."""
        return []

    def __iter__(self) -> Iterator[Doc]:
        found = False
        for doc in read_docbin(self.source.path, Vocab()):
            found = True
            yield doc
        if not found:
            raise InputError("contains no documents.", path=self.source.name)
