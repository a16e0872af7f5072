"""Read annotated corpora in any format as Docs, in Python or with the corpus reader
spacy-transformer-ner.Corpus.v1."""

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Optional, Union

from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Corpus, Example
from spacy.vocab import Vocab

from .docbin import DocMaker, check_language, read_docbin, to_doc
from .options import ReadOptions
from .overlapping import is_annotated

# A path, or Docs themselves.
AnyCorpus = Union[str, Path, Iterable[Doc]]


def read_corpus(
    path: str | Path, *, lang: str = "en", options: ReadOptions = ReadOptions()
) -> Iterator[Doc]:
    """Read the Docs of a corpus in any format that `convert` reads.

    path (str | Path): A file, or a folder of files.
    lang (str): The language code, for the spaces between words and for spaCy's tokenizer.
    options (ReadOptions): How to read the files. By default, formats are detected.
    YIELDS (Doc): The Docs, with entities, and with sentences if they are known.
    RAISES: InputError if a file cannot be read.
    """
    # Imported here, because most trainings only read .spacy files.
    from .readers.formats import open_corpus
    from .splits import data_files

    check_language(lang)
    maker = DocMaker(lang, overlaps=options.overlaps == "spans")
    for source in data_files(Path(path)):
        for document in open_corpus(source, options):
            yield to_doc(document, maker)


def corpus_docs(corpus: AnyCorpus, vocab: Vocab, lang: str = "en") -> list[Doc]:
    """Read the Docs of a corpus.

    corpus (str | Path | Iterable[Doc]): A .spacy file, a file or folder in any format that
        `convert` reads, or Docs.
    vocab (Vocab): The vocabulary of the Docs.
    lang (str): The language code, for files in other formats.
    RETURNS (list[Doc]): The Docs.
    RAISES: InputError if a file cannot be read.
    """
    if not isinstance(corpus, (str, Path)):
        docs = list(corpus)
    elif is_docbin(corpus):
        return list(read_docbin(corpus, vocab))
    else:
        docs = list(read_corpus(corpus, lang=lang))
    if all(doc.vocab is vocab for doc in docs):
        return docs
    return list(DocBin(docs=docs, store_user_data=True).get_docs(vocab))


def annotated_docs(corpus: AnyCorpus, vocab: Vocab, lang: str = "en") -> list[Doc]:
    """Read the Docs of a corpus that have entity annotation, even if it has no entities.

    Takes the parameters of `corpus_docs` and raises the same errors.
    RETURNS (list[Doc]): The Docs.
    """
    docs = corpus_docs(corpus, vocab, lang)
    return [doc for doc in docs if is_annotated(doc)]


def is_docbin(path: str | Path) -> bool:
    """Check whether spaCy's own corpus reader can read a path.

    path (str | Path): The path. If it doesn't exist, its suffix decides.
    RETURNS (bool): Whether it is a .spacy file, or a folder of .spacy files.
    """
    path = Path(path)
    if path.suffix == ".spacy":
        return True
    return path.is_dir() and next(path.rglob("*.spacy"), None) is not None


class LabelledCorpus(Corpus):
    """Reads Examples from files in any format. Takes the parameters of spaCy's `Corpus`,
    `lang`, the language code, and `options`, how to read the files. Files in other formats than
    .spacy are read once and kept in memory."""

    def __init__(
        self, path: str | Path, *, lang: str, options: ReadOptions = ReadOptions(), **settings
    ):
        super().__init__(path, **settings)
        self.lang = lang
        self.options = options

    @cached_property
    def _docs(self) -> DocBin:
        found = read_corpus(self.path, lang=self.lang, options=self.options)
        docs = (doc for doc in found if len(doc))
        return DocBin(docs=docs, store_user_data=True)

    def read_docbin(self, vocab: Vocab, locs: Iterable[Union[str, Path]]) -> Iterator[Doc]:
        """Read the Docs. See `Corpus`."""
        if is_docbin(self.path):
            yield from super().read_docbin(vocab, locs)
            return
        for number, doc in enumerate(self._docs.get_docs(vocab), start=1):
            yield doc
            if number == self.limit:
                return

    def __call__(self, nlp: Language) -> Iterator[Example]:
        """Read the Examples. See `Corpus`."""
        if is_docbin(self.path):
            yield from super().__call__(nlp)
            return
        docs = self.read_docbin(nlp.vocab, ())
        make = self.make_examples_gold_preproc if self.gold_preproc else self.make_examples
        for example in make(nlp, docs):
            yield from self.augmenter(nlp, example)


def create_corpus_reader(
    path: Optional[Union[str, Path]],
    lang: str = "en",
    gold_preproc: bool = False,
    max_length: int = 0,
    limit: int = 0,
    augmenter: Optional[Callable] = None,
    options: Optional[dict[str, Any]] = None,
) -> Callable[[Language], Iterable[Example]]:
    """Create a reader of a corpus in any format, for [corpora.train] of a config. Registered
    as spacy-transformer-ner.Corpus.v1.

    path (str | Path): A file in any format that `convert` reads, or a folder of files.
    lang (str): The language code, for the spaces between words and for spaCy's tokenizer.
    gold_preproc, max_length, limit, augmenter: See spaCy's `Corpus`.
    options (dict | None): How to read the files, e.g. {"spans_field": "ents"}. See `ReadOptions`.
        By default, formats are detected.
    RETURNS (Callable): Takes a pipeline and returns Examples.
    RAISES: ValueError if `path` is None. InputError if an option is unknown.
    """
    if path is None:
        raise ValueError("the corpus reader needs a path. Set it in [paths] of the config.")
    return LabelledCorpus(
        path,
        lang=lang,
        options=ReadOptions.from_dict(options or {}),
        gold_preproc=gold_preproc,
        max_length=max_length,
        limit=limit,
        augmenter=augmenter,
    )
