"""Annotated texts as the bytes of a shard."""

import io
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from spacy.tokens import DocBin

from ..corpus.readers.tables import import_pyarrow
from .chunks import as_string, to_json
from .schema import Annotated, arrow_schema

OutputFormat = Literal["parquet", "jsonl", "docbin"]
SUFFIXES = {"parquet": ".parquet", "jsonl": ".jsonl", "docbin": ".spacy"}


def to_bytes(
    annotated: Sequence[Annotated], format: OutputFormat, carried: Mapping[str, Any]
) -> bytes:
    """Make the content of a shard.

    annotated (Sequence[Annotated]): Its texts.
    format (str): One of "parquet", "jsonl", "docbin".
    carried (Mapping[str, pyarrow.DataType]): The types of carried columns in Parquet.
    RETURNS (bytes): The content.
    """
    if format == "docbin":
        # The strings of one are sorted, so the bytes are always the same.
        merged = DocBin(store_user_data=True)
        for each in annotated:
            assert each.docs is not None
            merged.merge(each.docs)
        return merged.to_bytes()
    records = [each.to_dict() for each in annotated]
    if format == "jsonl":
        return "".join(f"{to_json(record)}\n" for record in records).encode("utf-8")
    pa = import_pyarrow()
    strings = [name for name, kind in carried.items() if kind == pa.string()]
    for record in records:
        record.update((name, as_string(record[name])) for name in strings)
    file = io.BytesIO()
    table = pa.Table.from_pylist(records, schema=arrow_schema(carried))
    pa.parquet.write_table(table, file, compression="zstd")
    return file.getvalue()
