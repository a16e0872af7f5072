"""Documents to spaCy Docs and DocBin."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from spacy.tokens import Doc, DocBin
from spacy.tokens import Span as DocSpan
from spacy.vocab import Vocab

from ..errors import InputError
from ..files import replacing
from .documents import Document
from .spacing import restore_spaces


def to_doc(document: Document, vocab: Vocab, lang: str = "en") -> Doc:
    """Make a Doc of a document: its words as tokens, spaces restored, sentence
    starts and entities set.

    document (Document): The document.
    vocab (Vocab): The vocabulary of the Doc.
    lang (str): The language's code, for the spaces.
    RETURNS (Doc): The Doc.
    """
    words: list[str] = []
    spaces: list[bool] = []
    starts: list[bool] = []
    offsets: list[int] = []
    spacing = restore_spaces((s.words for s in document.sentences), lang)
    for sentence, sentence_spaces in zip(document.sentences, spacing):
        offsets.append(len(words))
        words.extend(sentence.words)
        spaces.extend(sentence_spaces)
        starts.extend([True] + [False] * (len(sentence.words) - 1))
    spaces[-1] = False
    doc = Doc(vocab, words=words, spaces=spaces, sent_starts=starts)
    doc.set_ents(
        [
            DocSpan(doc, offset + span.start, offset + span.end, label=span.label)
            for offset, sentence in zip(offsets, document.sentences)
            for span in sentence.entities
        ]
    )
    return doc


def write_docbin(docs: Iterable[Doc], path: str | Path) -> None:
    """Write Docs to a .spacy file, whole or not at all.

    docs (Iterable[Doc]): The Docs.
    path (str | Path): The file.
    """
    docbin = DocBin()
    for doc in docs:
        docbin.add(doc)
    with replacing(path) as new:
        docbin.to_disk(new)


def read_docbin(path: str | Path, vocab: Vocab) -> Iterator[Doc]:
    """Read the Docs of a .spacy file.

    path (str | Path): The file.
    vocab (Vocab): The vocabulary of the Docs.
    YIELDS (Doc): The Docs.
    RAISES: InputError if there is no such file or it is none of spaCy's.
    """
    if not Path(path).is_file():
        raise InputError("is not there. Make it with the convert command.", path=path)
    try:
        yield from DocBin().from_disk(path).get_docs(vocab)
    except Exception:
        # Whatever msgpack, zlib or spaCy raise on foreign or damaged bytes, the
        # remedy is one.
        raise InputError(
            "is not a .spacy file, or a damaged one. Make it again with the convert command.",
            path=path,
        ) from None
