"""Output formats: annotated texts to the bytes of a shard."""

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
    """Serialize a shard.

    annotated (Sequence[Annotated]): Its texts.
    format (str): "parquet", "jsonl" or "docbin".
    carried (Mapping[str, pyarrow.DataType]): The types of carried columns, for Parquet.
    RETURNS (bytes): The content of its file.
    """
    if format == "docbin":
        # DocBin sorts its strings, so the bytes are deterministic.
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
