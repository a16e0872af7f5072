"""Input formats with offsets in rows."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from spacy.tokens import DocBin
from spacy.vocab import Vocab

from ..corpus.readers.json_values import JsonRecords
from ..corpus.readers.tables import open_parquet
from ..corpus.sources import reading
from ..errors import InputError
from .formats import Failure, Format, Row, check_columns

BATCH = 1000


class JsonFile(Format):
    """A .json file: an array of records, or one record after the other. Offsets count
    records."""

    def ends(self, start: int) -> Iterator[tuple[int, float]]:
        """As of `Format`, with the average size of records."""
        records, damage = 0, None
        try:
            for records, _ in self.rows(0):  # noqa: B007, read below
                pass
        except InputError as error:
            damage = error
        for row in range(start, records):
            yield row + 1, self.file.size / records
        if damage is not None:
            raise damage

    def rows(self, start: int) -> Iterator[tuple[int, Row]]:
        """As of `Format`."""
        records = JsonRecords(self.source, self.encoding or "utf-8-sig")
        for end, record in enumerate(_unwrapped(records), start=1):
            if end > start:
                yield end, record if isinstance(record, dict) else Failure("is not a JSON object")


def _unwrapped(values: Iterable[tuple[int, Any]]) -> Iterator[Any]:
    """Yield records, also those in a field of the first object: {"version": …, "data": […]}"""
    for i, (_, value) in enumerate(values):
        inner = None
        if i == 0 and isinstance(value, dict) and not {"text", "tokens", "words"} & value.keys():
            inner = next(
                (v for f in ("data", "records") if isinstance(v := value.get(f), list)), None
            )
        if inner is None:
            yield value
        else:
            yield from inner


class ParquetFile(Format):
    """A Parquet file. Offsets count rows."""

    def ends(self, start: int) -> Iterator[tuple[int, float]]:
        """As of `Format`, with the average size of rows."""
        with self._open() as parquet:
            rows = parquet.metadata.num_rows
        for row in range(start, rows):
            yield row + 1, self.file.size / rows

    def rows(self, start: int) -> Iterator[tuple[int, Row]]:
        """As of `Format`."""
        with self._open() as parquet:
            # Skip the row groups that end before the offset.
            first, groups = 0, list(range(parquet.metadata.num_row_groups))
            while groups and first + (n := parquet.metadata.row_group(groups[0]).num_rows) <= start:
                first += n
                del groups[0]
            batches = parquet.iter_batches(BATCH, row_groups=groups, columns=self.fields.names)
            for batch in batches:
                skipped = min(max(start - first, 0), len(batch))
                yield from enumerate(_records(batch.slice(skipped)), start=first + skipped + 1)
                first += len(batch)

    def types(self) -> dict[str, Any]:
        """RETURNS (dict[str, pyarrow.DataType]): The types of the carried columns."""
        with self._open() as parquet:
            return {name: parquet.schema_arrow.field(name).type for name in self.fields.carry}

    @contextmanager
    def _open(self) -> Iterator[Any]:
        with open_parquet(self.file.path, self.file.name) as parquet:
            check_columns(self.file, self.fields, parquet.schema_arrow.names)
            yield parquet


class DocBinInput(Format):
    """A .spacy file. Only the texts are used, not their tokens or annotations. Values of
    `Doc.user_data` with string keys can be carried. Offsets count Docs."""

    def ends(self, start: int) -> Iterator[tuple[int, float]]:
        """As of `Format`, with the average size of Docs."""
        with reading(self.file.name, ".spacy", Exception):
            docs = len(DocBin().from_disk(self.file.path))
        for row in range(start, docs):
            yield row + 1, self.file.size / docs

    def rows(self, start: int) -> Iterator[tuple[int, Row]]:
        """As of `Format`."""
        with reading(self.file.name, ".spacy", Exception):
            docs = DocBin(store_user_data=True).from_disk(self.file.path).get_docs(Vocab())
            for end, doc in enumerate(docs, start=1):
                if end > start:
                    carried = {k: v for k, v in doc.user_data.items() if isinstance(k, str)}
                    yield end, {**carried, self.fields.text: doc.text}


def _records(batch: Any) -> list[Row]:
    """The rows of a pyarrow.RecordBatch, validated first: damaged data can crash the
    process."""
    try:
        batch.validate(full=True)
        return batch.to_pylist()
    except ValueError as error:
        if len(batch) == 1:
            return [Failure(" ".join(str(error).split())[:200])]
        return [row for i in range(len(batch)) for row in _records(batch.slice(i, 1))]
