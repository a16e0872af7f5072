"""Parquet files, and data sets saved by Hugging Face's datasets."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from ...errors import InputError, install_extra
from ..labels import labels_in_file, labels_of_features
from ..sources import Source, read_text, reading

BATCH = 1000
# Errors about unexpected contents of JSON or a table.
WRONG = (ValueError, KeyError, TypeError)
# A file in the folder of each saved split.
SAVED_SPLIT = "state.json"


class ParquetRows:
    """The rows of a Parquet file.

    source (Source): The file.
    RAISES: InputError if the file cannot be read, or pyarrow is not installed.
    """

    def __init__(self, source: Source):
        self.source = source
        with open_parquet(self.source.path, self.source.name) as file:
            self.labels = _labels_of(file.schema_arrow.metadata)

    def __iter__(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        with open_parquet(self.source.path, self.source.name) as file:
            yield from enumerate(_records(file.iter_batches(batch_size=BATCH)), start=1)


class DatasetRows:
    """The rows of one split of a saved data set: Arrow files and state.json.

    folder (Path): The folder.
    RAISES: InputError if it was not saved with `Dataset.save_to_disk`, or pyarrow is not
        installed.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        import_pyarrow(str(folder))
        with reading(str(folder), "datasets", *WRONG):
            state = json.loads(read_text(folder / SAVED_SPLIT))
            names = [entry["filename"] for entry in state["_data_files"]]
            if state.get("_indices_data_files"):
                raise InputError(
                    "was saved with a selection of rows by an old version of datasets. Call "
                    "dataset.flatten_indices() and save it again.",
                    path=folder,
                )
            self.files = [folder / Path(name).name for name in names]
        for path in self.files:
            if not os.path.isfile(path):
                raise InputError(
                    f"not found, but listed in {SAVED_SPLIT}. Save the data set again.", path=path
                )
        info = folder / "dataset_info.json"
        self.labels = labels_in_file(info) if info.is_file() else {}

    def __iter__(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        yield from enumerate(chain.from_iterable(map(self._records, self.files)), start=1)

    def _records(self, path: Path) -> Iterator[Mapping[str, Any]]:
        pyarrow = import_pyarrow(str(path))
        # Not memory-mapped, because a damaged file could crash the process.
        with (
            reading(str(path), "Arrow", *WRONG, pyarrow.ArrowException),
            pyarrow.OSFile(str(path)) as file,
            pyarrow.ipc.open_stream(file) as stream,
        ):
            yield from _records(stream)


def dataset_splits(folder: Path) -> dict[str, Path] | None:
    """Find the splits of a saved data set.

    folder (Path): The folder.
    RETURNS (dict[str, Path] | None): The folder of each split, by name. The name of a single
        split is "". None if the folder is not a saved data set.
    """
    if (folder / SAVED_SPLIT).is_file():
        return {"": folder}
    listing = folder / "dataset_dict.json"
    if not listing.is_file():
        return None
    with reading(str(listing), "datasets", *WRONG):
        names = json.loads(read_text(listing))["splits"]
        return {str(name): folder / Path(str(name)).name for name in names}


@contextmanager
def open_parquet(path: str | Path, name: str) -> Iterator[Any]:
    """Open a Parquet file.

    path (str | Path): The path.
    name (str): The file name, for errors.
    YIELDS (pyarrow.parquet.ParquetFile): The file.
    RAISES: InputError if the file cannot be opened, or read while it is open, or pyarrow is not
        installed.
    """
    pyarrow = import_pyarrow(name)
    with (
        reading(name, "Parquet", *WRONG, pyarrow.ArrowException),
        pyarrow.parquet.ParquetFile(path) as file,
    ):
        yield file


def import_pyarrow(path: str | None = None) -> Any:
    """Import pyarrow.

    path (str | None): The file that needs it, for the error.
    RETURNS (Any): pyarrow, with its modules for Parquet and Arrow files.
    RAISES: InputError if it is not installed.
    """
    try:
        import pyarrow
        import pyarrow.ipc
        import pyarrow.parquet
    except ImportError:
        raise InputError(
            f"pyarrow is needed for Parquet and Arrow files: {install_extra('parquet')}",
            path=path,
        ) from None
    return pyarrow


def _labels_of(metadata: Mapping[bytes, bytes] | None) -> Mapping[str, Sequence[str]]:
    """Read the class names in the metadata that datasets writes."""
    try:
        held = json.loads((metadata or {}).get(b"huggingface", b"{}"))
        return labels_of_features(held["info"]["features"]) if held else {}
    except (ValueError, KeyError, TypeError):
        return {}


def _records(batches: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    for batch in batches:
        # Validate first, because damaged data could crash the process.
        batch.validate(full=True)
        yield from batch.to_pylist()
