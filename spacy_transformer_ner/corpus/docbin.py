"""Documents to spaCy Docs, and Docs to .spacy files and back."""

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
from .sources import LONGEST_RECORD, Source
from .spacing import restore_spaces

# What documents of ours have beside their words and spaces.
ATTRS = ("ENT_IOB", "ENT_TYPE", "SENT_START")
# A .spacy file is made and read whole, so this bounds the memory it takes; of texts with
# words of any length, LONGEST_RECORD does.
SHARD_WORDS = 500_000


def check_language(lang: str) -> None:
    """See that spaCy has a language.

    lang (str): Its code.
    RAISES: InputError if it has not.
    """
    try:
        get_lang_class(lang)
    except (ImportError, AttributeError):
        raise InputError(f"spaCy has no language {lang!r}.") from None


def blank(lang: str) -> Language:
    """Make an empty pipeline, for its tokeniser.

    lang (str): The language's code.
    RETURNS (Language): The pipeline.
    RAISES: InputError if spaCy has no such language, or it needs a package that
        is not installed.
    """
    check_language(lang)
    try:
        return spacy.blank(lang)
    except ImportError as error:
        said = " ".join(str(error).split())
        raise InputError(f"spaCy's tokeniser of {lang!r} cannot be used: {said}") from None


class DocMaker:
    """Makes Docs of documents. What it learns of words grows with their number.

    lang (str): The language's code, for spaces and for spaCy's tokeniser.
    """

    def __init__(self, lang: str):
        self.lang = lang
        self.vocab = Vocab()

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """RETURNS (Tokenizer): spaCy's. Made when first needed: that takes seconds,
        because spaCy then loads every package that extends it."""
        return blank(self.lang).tokenizer


def to_doc(document: Document | TextDocument | Doc, maker: DocMaker) -> Doc:
    """Make a Doc of a document, with its entities, its sentences where they are
    known, and where it comes from.

    document (Document | TextDocument | Doc): The document. Of one in words the
        spaces are restored where they are not known; a text is parted by spaCy's
        tokeniser, and where an entity starts or ends within a token there too.
    maker (DocMaker): Has the vocabulary, the language and the tokeniser.
    RETURNS (Doc): The Doc; of a Doc, itself.
    """
    if isinstance(document, Doc):
        return document
    if isinstance(document, TextDocument):
        return _from_text(document, maker)
    words: list[str] = []
    spaces: list[bool] = []
    starts: list[bool] = []
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
    doc.set_ents(
        [
            DocSpan(doc, offset + span.start, offset + span.end, label=span.label)
            for offset, sentence in zip(offsets, document.sentences)
            for span in sentence.entities
        ]
    )
    set_origin(doc, document.path, zip(offsets, (s.lines for s in document.sentences)))
    return doc


def _from_text(document: TextDocument, maker: DocMaker) -> Doc:
    text = document.text
    if document.tokens is None:
        # Not nlp.make_doc: it has a longest text.
        doc = maker.tokenizer(text)
        ends = {t.idx + len(t) for t in doc} | {t.idx for t in doc}
        cuts = {c for e in document.entities for c in (e.start, e.end)} - ends
        if cuts:
            bounds = [(t.idx, t.idx + len(t)) for t in doc]
            doc = _parted(text, bounds, cuts, maker.vocab)
    else:
        cuts = {c for e in document.entities for c in (e.start, e.end)}
        doc = _parted(text, document.tokens, cuts, maker.vocab)
    ents = [doc.char_span(e.start, e.end, label=e.label) for e in document.entities]
    doc.set_ents([ent for ent in ents if ent is not None])
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


def _parted(
    text: str,
    tokens: tuple[tuple[int, int], ...] | list[tuple[int, int]],
    cuts: set[int],
    vocab: Vocab,
) -> Doc:
    """A Doc of given tokens, cut further where it must be. What is between
    tokens are blanks: one is a space, more are tokens of their own."""
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
    """Writes Docs to a .spacy file, or, when they are many, to a folder of that
    name with numbered .spacy files in it, which spaCy reads alike.

    path (Path): The file or folder. There is none yet.
    attrs (tuple[str, ...] | None): The attributes to keep; spaCy's if None.
    shard_words (int): How many words a file holds, and one Doc more at most.
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
        given = {} if self._attrs is None else {"attrs": self._attrs}
        return DocBin(store_user_data=True, **given)

    def add(self, doc: Doc) -> bool:
        """Write a Doc.

        doc (Doc): The Doc.
        RETURNS (bool): Whether a file is full, and the vocabulary of its Docs
            can go.
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
        """Write what is left and give the file or folder its name."""
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
    """Find the .spacy files that one path stands for.

    path (str | Path): A .spacy file, or a folder with some.
    RETURNS (list[Path]): The files in their order.
    RAISES: InputError if there are none.
    """
    path = Path(path)
    files = sorted(path.rglob("*.spacy")) if path.is_dir() else [path] if path.is_file() else []
    if not files:
        raise InputError("is not there. Make it with the convert command.", path=path)
    return files


def read_docbin(path: str | Path, vocab: Vocab) -> Iterator[Doc]:
    """Read the Docs of a .spacy file, or of a folder of them.

    path (str | Path): The file or folder.
    vocab (Vocab): The vocabulary of the Docs.
    YIELDS (Doc): The Docs.
    RAISES: InputError if there is no such file or it is none of spaCy's.
    """
    for file in docbin_files(path):
        try:
            yield from DocBin().from_disk(file).get_docs(vocab)
        except Exception:
            # Whatever msgpack, zlib or spaCy raise on foreign or damaged bytes,
            # the remedy is one.
            raise InputError(
                "is not a .spacy file, or a damaged one. Make it again with the convert command.",
                path=file,
            ) from None


def unannotated(reference: Doc, vocab: Vocab, *, sentences: bool = False) -> Doc:
    """Copy the tokens of a Doc and nothing that is said of them.

    reference (Doc): The Doc.
    vocab (Vocab): The copy's vocabulary.
    sentences (bool): Whether to copy where sentences start too.
    RETURNS (Doc): The copy.
    """
    return Doc(
        vocab,
        words=[token.text for token in reference],
        spaces=[bool(token.whitespace_) for token in reference],
        sent_starts=[token.is_sent_start for token in reference] if sentences else None,
    )


def sentences_of(doc: Doc) -> Iterable[DocSpan]:
    """doc (Doc): A Doc.
    RETURNS (Iterable[Span]): Its sentences, or all of it if they are not known."""
    return doc.sents if doc.has_annotation("SENT_START") else [doc[:]]


def count_sentences(doc: Doc) -> int:
    """doc (Doc): A Doc.
    RETURNS (int): How many sentences it has; 1 if they are not known."""
    if not doc.has_annotation("SENT_START"):
        return 1
    return int((doc.to_array("SENT_START") == 1).sum())


class DocBinReader:
    """Reads the Docs of a .spacy file as they are.

    source (Source): The file.
    """

    format = "spaCy's DocBin"
    encoding: str | None = None
    tags = None
    marks_documents = True

    def __init__(self, source: Source):
        self.source = source

    def notes(self) -> list[Note]:
        """RETURNS (list[Note]): None."""
        return []

    def __iter__(self) -> Iterator[Doc]:
        found = False
        for doc in read_docbin(self.source.path, Vocab()):
            found = True
            yield doc
        if not found:
            raise InputError("holds no documents.", path=self.source.name)
