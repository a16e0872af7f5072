"""Write a reviewer's decisions into corpus files."""

import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import srsly
from spacy.tokens import Doc

from ..checks.suspects import REVIEWED
from ..corpus.docbin import DocMaker, check_language, to_doc
from ..corpus.options import ReadOptions
from ..corpus.overlapping import SPANS_KEY
from ..corpus.readers.columns import ColumnFile
from ..corpus.readers.formats import find_format, open_corpus
from ..corpus.sources import Source, shorten
from ..corpus.splits import data_files
from ..errors import InputError
from ..files import read_jsonl, replacing
from .changes import Change, Ent, TextFile
from .columns import column_edits
from .decisions import Review, Text
from .docbin import rewrite_docbin
from .matching import ReviewedDoc
from .records import record_edits

# The formats whose files can be changed.
FORMATS = ("columns", "json", "spacy")


@dataclass(frozen=True)
class Applied:
    """What was done with the decisions.

    kept (int): Suspects whose annotation is right.
    corrected (int): Suspects whose annotation was corrected.
    before (int): Suspects that had been corrected in this way before.
    undecided (int): Records without a decision.
    elsewhere (dict[str, int]): Decisions about other files than those given, by file.
    entities (int): Entities that were removed, changed or added.
    new_labels (tuple[str, ...]): Labels that the files did not have.
    files (tuple[str, ...]): The files that were changed.
    """

    kept: int
    corrected: int
    before: int
    undecided: int
    elsewhere: dict[str, int]
    entities: int
    new_labels: tuple[str, ...]
    files: tuple[str, ...]

    def to_dict(self) -> dict:
        """RETURNS (dict): The fields, for JSON."""
        return asdict(self)


def apply_review(
    review: Review,
    files: Sequence[str | Path],
    *,
    options: ReadOptions = ReadOptions(),
    lang: str = "en",
) -> Applied:
    """Write the decisions into corpus files, and remember them in a file reviewed.jsonl beside
    each. Nothing else in the files changes. If a decision cannot be applied, no file is
    written.

    review (Review): The decisions.
    files (Sequence): The files, or folders of them: those that the suspects come from, or the
        .spacy files that were converted from them. Column files, JSON and .spacy files, plain
        or gzipped.
    options (ReadOptions): How to read the files, as for `convert`.
    lang (str): The language code, for texts without tokens.
    RETURNS (Applied): What was done.
    RAISES: InputError if a file cannot be read or written, or its text or annotation is not
        the one that was reviewed.
    """
    check_language(lang)
    maker = DocMaker(lang)
    corpora = [
        _Corpus(source, options, maker) for file in files for source in data_files(Path(file))
    ]
    outcomes: Counter[str] = Counter()
    found: set[int] = set()
    known: set[str] = set()
    for corpus in corpora:
        texts = [text for text in review.texts if corpus.has(text.first.path)]
        found.update(map(id, corpus.find(texts)))
        known |= corpus.origins
        outcomes.update(corpus.outcomes)
    missing = [text for text in review.texts if id(text) not in found]
    elsewhere = _elsewhere(missing, corpora, known, is_all=len(missing) == len(review.texts))
    with ExitStack() as stack:
        # They are renamed when all of them are written and checked.
        for corpus in corpora:
            if corpus.changes:
                corpus.write(stack.enter_context(replacing(corpus.path)))
        for path, facts in _remembered(corpora).items():
            srsly.write_jsonl(stack.enter_context(replacing(path)), facts)
    added = {ent.label for corpus in corpora for change in corpus.changes for ent in change.added}
    return Applied(
        kept=outcomes["kept"],
        corrected=outcomes["corrected"],
        before=outcomes["before"],
        undecided=review.undecided,
        elsewhere=elsewhere,
        entities=sum(change.count for corpus in corpora for change in corpus.changes),
        new_labels=tuple(sorted(added - {x for corpus in corpora for x in corpus.labels})),
        files=tuple(corpus.source.name for corpus in corpora if corpus.changes),
    )


def _elsewhere(
    missing: Sequence[Text], corpora: "Sequence[_Corpus]", known: set[str], *, is_all: bool
) -> dict[str, int]:
    """Count the decisions about other files. Raise an error for those that should have been
    found."""
    elsewhere: Counter[str] = Counter()
    for text in missing:
        first = text.first
        is_here = any(not c.is_docbin and c.has(first.path) for c in corpora)
        if is_here or first.path in known:
            raise InputError(
                f"the text of {first.at} is not here: {shorten(first.text, 60)}. Was the file "
                "changed after `spacy ner suspects`? List the suspects again.",
                path=first.path or corpora[0].source.name,
                line=first.line,
            )
        elsewhere[first.path] += len(text.decisions)
    if elsewhere and is_all:
        raise InputError(
            f"no decision is about {', '.join(c.source.name for c in corpora[:5])}. Pass the "
            f"files that they are about: {', '.join(sorted(elsewhere)[:5])}."
        )
    return dict(elsewhere)


def _remembered(corpora: "Sequence[_Corpus]") -> dict[Path, list[dict[str, Any]]]:
    """RETURNS (dict[Path, list[dict]]): The content of each file with decisions, earlier ones
    included."""
    files: dict[Path, dict[str, dict]] = {}
    for corpus in corpora:
        path = corpus.path.parent / REVIEWED
        if corpus.facts and path not in files:
            before = read_jsonl(path, "apply-review") if path.is_file() else []
            files[path] = {record["id"]: record for record in before}
        for fact in corpus.facts:
            files[path][fact["id"]] = fact
    return {path: list(facts.values()) for path, facts in files.items()}


class _Corpus:
    """A corpus file, and the decisions about it.

    source (Source): The file.
    options (ReadOptions): How to read it.
    maker (DocMaker): The language and the tokenizer.
    RAISES: InputError if it has a format that cannot be changed.

    path (Path): The file, not a link to it.
    changes (list[Change]): The documents that change.
    facts (list[dict]): The decisions, to remember them.
    labels, origins (set[str]): Its labels, and the files that it was converted from.
    outcomes (Counter[str]): The number of decisions by outcome.
    """

    def __init__(self, source: Source, options: ReadOptions, maker: DocMaker):
        self.source = source
        self.path = source.path.resolve()
        format = options.format or find_format(source)
        if format not in FORMATS:
            raise InputError(
                f"has the format {format}, which cannot be changed in place. Convert it with "
                "`spacy ner convert`, and apply the review to the .spacy file.",
                path=source.name,
            )
        self.options = replace(options, format=format)
        self.maker = maker
        self.is_docbin = format == "spacy"
        self.changes: list[Change] = []
        self.facts: list[dict] = []
        self.labels: set[str] = set()
        self.origins: set[str] = set()
        self.outcomes: Counter[str] = Counter()

    def has(self, path: str) -> bool:
        """path (str): The file that was reviewed.
        RETURNS (bool): Whether it is this one, perhaps moved. A .spacy file can have texts of
            any file."""
        reviewed = Path(path)
        return self.is_docbin or (
            reviewed.name == self.path.name
            and (not reviewed.exists() or reviewed.samefile(self.path))
        )

    def find(self, texts: Sequence[Text]) -> list[Text]:
        """Find the texts in the file, and collect changes, facts and outcomes.

        texts (Sequence[Text]): Decisions, perhaps also about texts of other files.
        RETURNS (list[Text]): The texts that were found.
        RAISES: InputError if the annotation of a text is not the one that was reviewed.
        """
        wanted: dict[int | None, list[Text]] = defaultdict(list)
        for text in texts:
            wanted[text.first.line].append(text)
        found: list[Text] = []
        for number, doc in enumerate(self._docs(self.source)):
            self.labels.update(ent.label_ for ent in doc.ents)
            reviewed = ReviewedDoc(doc)
            if self.is_docbin:
                self.origins.add(reviewed.path)
            here = wanted.keys() & set(reviewed.lines)
            if not here:
                continue
            reviewed.read()
            for text in [text for line in here for text in wanted[line]]:
                if self.is_docbin and text.first.path != reviewed.path:
                    continue
                base = reviewed.find(text.first)
                if base is not None:
                    self.outcomes.update(reviewed.apply(text, base))
                    found.append(text)
                    wanted[text.first.line].remove(text)
            self.facts += reviewed.facts()
            change = reviewed.change(number)
            if change is not None:
                self.changes.append(change)
        return found

    def write(self, new: Path) -> None:
        """Write the file with its changes, and check it.

        new (Path): The file to write.
        RAISES: InputError if the entities cannot be written in this format.
        """
        if self.is_docbin:
            new.write_bytes(rewrite_docbin(self.path, self.changes))
        else:
            reader = open_corpus(self.source, self.options)
            for _ in reader:  # the scheme is known afterwards
                pass
            file = TextFile(self.source, str(reader.encoding))
            edits = column_edits if isinstance(reader, ColumnFile) else record_edits
            new.write_bytes(file.edited(edits(file.text, reader, self.changes)))  # type: ignore[arg-type]
        shutil.copymode(self.path, new)
        self._check(new)

    def _check(self, new: Path) -> None:
        """Read the new file, and compare it with the old one and the changes."""
        changes = {change.number: change.entities for change in self.changes}
        pairs = zip_longest(self._docs(self.source), self._docs(Source(new, self.source.name)))
        for number, (old, doc) in enumerate(pairs):
            if old is None or doc is None or not _is_right(old, doc, changes.get(number)):
                raise InputError(
                    "the corrected entities cannot be written in this file, because it would be "
                    "read differently. Are the tags around them valid? Convert it with `spacy "
                    "ner convert`, and apply the review to the .spacy file.",
                    path=self.source.name,
                    line=next(iter(ReviewedDoc(doc if old is None else old).lines), None),
                )

    def _docs(self, source: Source) -> Iterator[Doc]:
        for document in open_corpus(source, self.options):
            doc = to_doc(document, self.maker)
            if SPANS_KEY in doc.spans:
                raise InputError(
                    "has entities that overlap, which apply-review cannot correct. Correct them in "
                    "your annotation tool, and convert its export.",
                    path=source.name,
                )
            yield doc


def _is_right(old: Doc, doc: Doc, entities: Sequence[Ent] | None) -> bool:
    """Whether a document has its new entities, or is unchanged if there are none."""
    found = [Ent(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents]
    if entities is not None:
        return old.text == doc.text and found == list(entities)
    before = [Ent(ent.start_char, ent.end_char, ent.label_) for ent in old.ents]
    words = ([token.text_with_ws for token in each] for each in (old, doc))
    return found == before and next(words) == next(words)
