"""The table of JSON formats that are converted to records of text or words, or refused."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...errors import InputError
from ..notes import Notes
from ..options import ReadOptions
from . import label_studio, labelling, other_records, token_spans, token_trees
from .bioc import bioc_records, is_bioc
from .candidates import candidates
from .fields import is_list

Record = Mapping[str, Any]
Rows = Callable[[], Iterable[tuple[int, Record]]]


@dataclass
class Context:
    """What a dialect needs to read records.

    name (str): The file name.
    options (ReadOptions): How to read the records.
    notes (Notes): Collects what was fixed or skipped.
    line (int): The line of the record.
    state (Any): What `Dialect.prepare` returned.
    """

    name: str
    options: ReadOptions
    notes: Notes
    line: int = 0
    state: Any = None

    def note(self, message: str) -> None:
        """message (str): What was found in the record, and how it was handled."""
        self.notes.add(message, self.line)

    def wrong(self, message: str) -> InputError:
        """message (str): What is wrong in the record.
        RETURNS (InputError): The error."""
        return InputError(message, path=self.name, line=self.line)


@dataclass(frozen=True)
class Dialect:
    """A JSON format of a tool.

    name (str): The format, in words.
    detect (Callable[[Record], bool]): Whether a record has this format.
    read (Callable[[Record, Context], Iterable[Record]] | None): Converts a record to records with
        `text` and `spans`, or with `tokens` and `ner_tags`. None if the format is refused.
    prepare (Callable | None): Gets the first records, a function that reads all records, and the
        context. Returns the `state` of the context.
    advice (str): What to do, if the format is refused.
    takes_text_field (bool): Whether it reads the text from the field that is set in the options.
    unusual (bool): Whether it is only looked for if no record has entities in a usual form.
    """

    name: str
    detect: Callable[[Record], bool]
    read: Callable[[Record, Context], Iterable[Record]] | None = None
    prepare: Callable[[Sequence[tuple[int, Record]], Rows, Context], Any] | None = None
    advice: str = ""
    takes_text_field: bool = False
    unusual: bool = False


@dataclass
class DialectReader:
    """Converts the records of one file.

    dialect (Dialect): The format.
    name (str): The file name.
    options (ReadOptions): How to read the records.
    first (Sequence[tuple[int, Record]]): The first records.
    rows (Callable): Reads all records.
    """

    dialect: Dialect
    name: str
    options: ReadOptions
    first: Sequence[tuple[int, Record]]
    rows: Rows
    _context: Context = field(init=False)

    def __post_init__(self) -> None:
        self._context = Context(self.name, self.options, Notes(self.name))
        if self.dialect.prepare is not None:
            self._context.state = self.dialect.prepare(self.first, self.rows, self._context)

    def read(self, record: Record, line: int, notes: Notes) -> Iterable[Record]:
        """Convert a record.

        record (Record): The record.
        line (int): Its line.
        notes (Notes): Collects what was fixed or skipped.
        RETURNS (Iterable[Record]): The records that it contains.
        """
        assert self.dialect.read is not None
        self._context.line = line
        self._context.notes = notes
        return self.dialect.read(record, self._context)


def find_dialect(first: Sequence[tuple[int, Record]], name: str | None) -> Dialect | None:
    """Detect the format of a tool.

    first (Sequence[tuple[int, Record]]): The first records.
    name (str | None): The file name. If None, refused formats do not raise an error.
    RETURNS (Dialect | None): The format. None if it is not in the table.
    RAISES: InputError if the format is refused.
    """
    is_usual: bool | None = None
    for dialect in DIALECTS:
        if dialect.unusual:
            if is_usual is None:
                is_usual = any(candidates(record).spans for _, record in first[:50])
            if is_usual:
                continue
        line = next((line for line, record in first[:50] if dialect.detect(record)), None)
        if line is None:
            continue
        if dialect.read is None and name is not None:
            raise InputError(f"is {dialect.name}. {dialect.advice}", path=name, line=line)
        return dialect
    return None


def _is_tagtog(record: Record) -> bool:
    return "annotatable" in record and "entities" in record


def _is_cas(record: Record) -> bool:
    return "%FEATURE_STRUCTURES" in record or "_referenced_fss" in record


def _is_pipeline_output(record: Record) -> bool:
    if record.keys() == {"tokens"} and is_list(record["tokens"]):
        record = record["tokens"][0] if record["tokens"] else {}
    return isinstance(record, Mapping) and (
        {"word", "score", "start", "end"} <= record.keys()
        and bool({"entity", "entity_group"} & record.keys())
        and "text" not in record
    )


def _is_comprehend_output(record: Record) -> bool:
    found = record.get("Entities")
    return is_list(found) and "Text" not in record and "text" not in record and ("File" in record)


def _is_instructions(record: Record) -> bool:
    return is_list(record.get("conversations")) or (
        is_list(record.get("messages")) and "text" not in record
    )


def _is_reading_comprehension(record: Record) -> bool:
    return {"context", "query"} <= record.keys() and (
        "span_position" in record or "start_position" in record
    )


def _is_notebook(record: Record) -> bool:
    return is_list(record.get("cells")) and "nbformat" in record


# The first format that detects one of the first records reads the file.
DIALECTS = (
    Dialect(
        label_studio.TASKS,
        label_studio.is_task,
        label_studio.read_task,
        label_studio.prepare_tasks,
        takes_text_field=True,
    ),
    Dialect(
        label_studio.SHORT_TASKS,
        label_studio.is_short_task,
        label_studio.read_short_task,
        label_studio.newest_annotations,
    ),
    Dialect("Kili's JSON", labelling.is_kili, labelling.read_kili, takes_text_field=True),
    Dialect("Labelbox's NDJSON", labelling.is_labelbox, labelling.read_labelbox),
    Dialect("BioC JSON", is_bioc, bioc_records),
    Dialect("spaCy 2's JSON", token_trees.is_spacy2, token_trees.read_spacy2),
    Dialect(
        "the output of transformers' pipeline without its text",
        _is_pipeline_output,
        advice='Save each text with its entities: {"text": text, "entities": ner(text)}.',
    ),
    Dialect(
        "records of tokens with their tags",
        token_trees.is_tree,
        token_trees.read_tree,
        token_trees.tag_field,
    ),
    Dialect(
        "records of tokens and entities",
        token_spans.is_token_spans,
        token_spans.read_token_spans,
        token_spans.prepare,
    ),
    Dialect(
        "tagtog's ann.json, which has no text",
        _is_tagtog,
        advice="Export EntitiesTsv from tagtog, which has one token and its tag per line.",
    ),
    Dialect(
        "UIMA CAS JSON, as INCEpTION exports it",
        _is_cas,
        advice="Export WebAnno TSV v3.3 from INCEpTION.",
    ),
    Dialect(
        "the output of Amazon Comprehend without its text",
        _is_comprehend_output,
        advice='Add the text to each record: {"text": …, "Entities": […]}. Or convert the '
        "annotations.csv and the texts that you trained Comprehend with.",
    ),
    Dialect(
        "instructions for a language model",
        _is_instructions,
        advice='Save each text with the offsets of its entities: {"text": …, "entities": [[0, 4, '
        '"LOC"]]}.',
    ),
    Dialect(
        "NER as reading comprehension",
        _is_reading_comprehension,
        advice="Convert the original column files of the corpus, with one token and its tag per "
        "line.",
    ),
    Dialect(
        "a Jupyter notebook",
        _is_notebook,
        advice="Save the training data in a file of its own, as JSON.",
    ),
    Dialect(
        "records of texts in parts, as in Dialogflow",
        other_records.is_in_parts,
        other_records.read_parts,
        other_records.prepare_parts,
        unusual=True,
    ),
    Dialect(
        "records of text with lists of starts, ends and labels",
        other_records.is_parallel,
        other_records.read_parallel,
        unusual=True,
    ),
    Dialect(
        "records of text and entities, found by their contents",
        other_records.is_renamed,
        other_records.read_renamed,
        other_records.prepare_renamed,
        unusual=True,
    ),
    Dialect(
        "records of text and entities without offsets",
        other_records.is_named,
        other_records.read_named,
        other_records.prepare_named,
    ),
)
