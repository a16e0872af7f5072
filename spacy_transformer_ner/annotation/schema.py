"""The output schema, documented in docs/annotation.md. Increase VERSION when it changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spacy.tokens import DocBin

from ..corpus.readers.tables import import_pyarrow
from ..errors import InputError
from .chunks import Text
from .formats import Fields

VERSION = 1
# The names of the output columns that are not carried.
COLUMNS = ("id", "file", "row", "entities")


@dataclass(frozen=True)
class Annotated:
    """An annotated text.

    text (Text): The text.
    words (int): The number of spaCy's tokens.
    n_entities (int): The number of entities.
    entities (tuple[dict[str, Any], ...]): Each with start, end, label, text, score,
        sentence_start and sentence; empty if the Doc is kept.
    docs (DocBin | None): The Doc, if it is kept.
    """

    text: Text
    words: int
    n_entities: int
    entities: tuple[dict[str, Any], ...] = ()
    docs: DocBin | None = None

    def to_dict(self) -> dict[str, Any]:
        """RETURNS (dict[str, Any]): The output record."""
        text = self.text
        own = {"id": text.id, "file": text.file, "row": text.row}
        return {**own, **text.carried, "entities": list(self.entities)}


def arrow_schema(carried: Mapping[str, Any]) -> Any:
    """carried (Mapping[str, pyarrow.DataType]): The types of carried columns.
    RETURNS (pyarrow.Schema): The schema of the records."""
    pa = import_pyarrow()
    entity = pa.struct(
        {
            "start": pa.int32(),
            "end": pa.int32(),
            "label": pa.string(),
            "text": pa.string(),
            "score": pa.float32(),
            "sentence_start": pa.int32(),
            "sentence": pa.string(),
        }
    )
    columns = {"id": pa.string(), "file": pa.string(), "row": pa.int64()}
    columns |= {**carried, "entities": pa.list_(entity)}
    return pa.schema(columns, metadata={"spacy_transformer_ner.annotation": str(VERSION)})


def check_names(fields: Fields) -> None:
    """Check that no carried column has the name of an output column.

    fields (Fields): The columns or keys to read.
    RAISES: InputError if one has.
    """
    for name in fields.carry:
        if name in COLUMNS:
            raise InputError(
                f"cannot carry the column {name!r}: the output has its own columns "
                f"{', '.join(COLUMNS)}. Set the ID column with --id."
            )
