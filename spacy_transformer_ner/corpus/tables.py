"""Parquet files, and data sets that Hugging Face's datasets saved to disk."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError
from .labels import labels_in_file, labels_of_features
from .sources import Source

BATCH = 1000
# Every split that datasets saves has it.
SAVED_SPLIT = "state.json"


class ParquetRows:
    """The rows of a Parquet file.

    source (Source): The file.
    RAISES: InputError if it cannot be read, or pyarrow is not installed.
    """

    def __init__(self, source: Source):
        self.source = source
        pyarrow = _pyarrow(source.name)
        try:
            with pyarrow.parquet.ParquetFile(source.path) as file:
                self.labels = _labels_of(file.schema_arrow.metadata)
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            raise _damaged(source.name, "Parquet", error) from None

    def __iter__(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        pyarrow = _pyarrow(self.source.name)
        row = 0
        try:
            with pyarrow.parquet.ParquetFile(self.source.path) as file:
                for batch in file.iter_batches(batch_size=BATCH):
                    batch.validate(full=True)
                    for record in batch.to_pylist():
                        row += 1
                        yield row, record
        except (pyarrow.ArrowException, OSError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise _damaged(self.source.name, "Parquet", error) from None


class DatasetRows:
    """The rows of one split of a saved data set: Arrow files, and state.json.

    folder (Path): Its folder.
    RAISES: InputError if it is not as `Dataset.save_to_disk` leaves it, or
        pyarrow is not installed.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        _pyarrow(str(folder))
        try:
            state = json.loads((folder / SAVED_SPLIT).read_text(encoding="utf-8"))
            names = [entry["filename"] for entry in state["_data_files"]]
            if state.get("_indices_data_files"):
                raise InputError(
                    "was saved with a selection of rows by an old version of datasets. Save "
                    "it again after dataset.flatten_indices().",
                    path=folder,
                )
        except (OSError, ValueError, KeyError, TypeError) as error:
            if isinstance(error, InputError):
                raise
            raise _damaged(str(folder), "saved", error) from None
        self.files = [folder / Path(name).name for name in names]
        info = folder / "dataset_info.json"
        self.labels = labels_in_file(info) if info.is_file() else {}

    def __iter__(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        pyarrow = _pyarrow(str(self.folder))
        row = 0
        for path in self.files:
            try:
                # Not mapped into memory: a damaged file would end the process.
                with pyarrow.OSFile(str(path)) as file, pyarrow.ipc.open_stream(file) as stream:
                    for batch in stream:
                        batch.validate(full=True)
                        for record in batch.to_pylist():
                            row += 1
                            yield row, record
            except (pyarrow.ArrowException, OSError, ValueError) as error:
                if isinstance(error, InputError):
                    raise
                raise _damaged(str(path), "Arrow", error) from None


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
    try:
        names = json.loads(listing.read_text(encoding="utf-8"))["splits"]
        return {str(name): folder / Path(str(name)).name for name in names}
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(str(listing), "saved", error) from None


def _pyarrow(name: str) -> Any:
    try:
        import pyarrow
        import pyarrow.ipc
        import pyarrow.parquet
    except ImportError:
        raise InputError(
            "pyarrow is needed to read this: pip install 'spacy-transformer-ner[parquet]'",
            path=name,
        ) from None
    return pyarrow


def _labels_of(metadata: Mapping[bytes, bytes] | None) -> Mapping[str, Sequence[str]]:
    """What datasets writes into the files it makes."""
    try:
        held = json.loads((metadata or {}).get(b"huggingface", b"{}"))
        return labels_of_features(held["info"]["features"]) if held else {}
    except (ValueError, KeyError, TypeError):
        return {}


def _damaged(name: str, kind: str, error: Exception) -> InputError:
    said = " ".join(str(error).split())[:200]
    return InputError(f"cannot be read as {kind} data ({type(error).__name__}: {said}).", path=name)
