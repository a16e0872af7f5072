"""Parquet files, and data sets that Hugging Face's datasets saved to disk."""

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
# What is raised where JSON or a table has other contents than it should.
WRONG = (ValueError, KeyError, TypeError)
# Every split that datasets saves has it.
SAVED_SPLIT = "state.json"


class ParquetRows:
    """The rows of a Parquet file.

    source (Source): The file.
    RAISES: InputError if it cannot be read, or pyarrow is not installed.
    """

    def __init__(self, source: Source):
        self.source = source
        with open_parquet(self.source.path, self.source.name) as file:
            self.labels = _labels_of(file.schema_arrow.metadata)

    def __iter__(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        with open_parquet(self.source.path, self.source.name) as file:
            yield from enumerate(_records(file.iter_batches(batch_size=BATCH)), start=1)


class DatasetRows:
    """The rows of one split of a saved data set: Arrow files, and state.json.

    folder (Path): Its folder.
    RAISES: InputError if it is not as `Dataset.save_to_disk` leaves it, or
        pyarrow is not installed.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        import_pyarrow(str(folder))
        with reading(str(folder), "saved", *WRONG):
            state = json.loads(read_text(folder / SAVED_SPLIT))
            names = [entry["filename"] for entry in state["_data_files"]]
            if state.get("_indices_data_files"):
                raise InputError(
                    "was saved with a selection of rows by an old version of datasets. Save "
                    "it again after dataset.flatten_indices().",
                    path=folder,
                )
            self.files = [folder / Path(name).name for name in names]
        for path in self.files:
            if not os.path.isfile(path):
                raise InputError(f"not found, though {SAVED_SPLIT} names it.", path=path)
        info = folder / "dataset_info.json"
        self.labels = labels_in_file(info) if info.is_file() else {}

    def __iter__(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        yield from enumerate(chain.from_iterable(map(self._records, self.files)), start=1)

    def _records(self, path: Path) -> Iterator[Mapping[str, Any]]:
        pyarrow = import_pyarrow(str(path))
        # Not mapped into memory: a damaged file would end the process.
        with (
            reading(str(path), "Arrow", *WRONG, pyarrow.ArrowException),
            pyarrow.OSFile(str(path)) as file,
            pyarrow.ipc.open_stream(file) as stream,
        ):
            yield from _records(stream)


def dataset_splits(folder: Path) -> dict[str, Path] | None:
    """Find the splits of a data set that was saved to disk.

    folder (Path): A folder.
    RETURNS (dict[str, Path] | None): The folder of each split by its name, or of
        the only one as ""; None if it is no such folder.
    """
    if (folder / SAVED_SPLIT).is_file():
        return {"": folder}
    listing = folder / "dataset_dict.json"
    if not listing.is_file():
        return None
    with reading(str(listing), "saved", *WRONG):
        names = json.loads(read_text(listing))["splits"]
        return {str(name): folder / Path(str(name)).name for name in names}


@contextmanager
def open_parquet(path: str | Path, name: str) -> Iterator[Any]:
    """Open a Parquet file.

    path (str | Path): Where it is.
    name (str): What it is called in an error.
    YIELDS (pyarrow.parquet.ParquetFile): The file.
    RAISES: InputError if it cannot be read, also while it is open, or pyarrow is not
        installed.
    """
    pyarrow = import_pyarrow(name)
    with (
        reading(name, "Parquet", *WRONG, pyarrow.ArrowException),
        pyarrow.parquet.ParquetFile(path) as file,
    ):
        yield file


def import_pyarrow(path: str | None = None) -> Any:
    """path (str | None): The file it is for, if it is for one.
    RETURNS (Any): pyarrow, with its parts for Parquet and Arrow files.
    RAISES: InputError if it is not installed."""
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
    """What datasets writes into the files it makes."""
    try:
        held = json.loads((metadata or {}).get(b"huggingface", b"{}"))
        return labels_of_features(held["info"]["features"]) if held else {}
    except (ValueError, KeyError, TypeError):
        return {}


def _records(batches: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    for batch in batches:
        # Before it is looked at: what is damaged could end the process.
        batch.validate(full=True)
        yield from batch.to_pylist()
