"""Annotated texts as bytes, and bytes as files that are whole or not there."""

import io
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from spacy.tokens import DocBin

from ..corpus.readers.tables import import_pyarrow
from ..errors import InputError
from .chunks import as_string, to_json
from .schema import Annotated, arrow_schema

OutputFormat = Literal["parquet", "jsonl", "docbin"]
SUFFIXES = {"parquet": ".parquet", "jsonl": ".jsonl", "docbin": ".spacy"}
TEMPORARY = ".tmp"


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


def write_durably(path: Path, content: bytes) -> None:
    """Write a file, so that after a loss of power it is there and whole, or not there.

    path (Path): The file.
    content (bytes): What it is to hold.
    RAISES: InputError if the disk is full, or cannot be written to.
    """
    # Two machines may write the same shard, if the one is believed lost.
    new = path.with_name(f".{path.name}-{uuid4().hex[:8]}{TEMPORARY}")
    with saying_how_to_go_on(path):
        try:
            with open(new, "xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(new, path)
        except BaseException:
            with suppress(OSError):
                new.unlink()
            raise
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder last.

    folder (Path): The folder.
    """
    if hasattr(os, "O_DIRECTORY"):  # not on Windows
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def saying_how_to_go_on(path: Path) -> Iterator[None]:
    """Turn what the system raises for a file that cannot be written into an InputError.

    path (Path): The file.
    """
    try:
        yield
    except OSError as error:
        raise InputError(
            f"cannot be written: {error.strerror or error}. What is finished is kept: mend "
            "that, and the same command goes on.",
            path=path,
        ) from None
