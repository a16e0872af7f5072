"""Which files are annotated, and what is taken of them."""

import glob
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from ..corpus.readers.tables import import_pyarrow
from ..errors import InputError
from .formats import (
    INPUT_FORMATS,
    Fields,
    InputFile,
    ParquetFile,
    check_columns,
    kind_of,
    open_format,
)


def find_files(
    inputs: Iterable[str], output: Path | None = None, *, any_kind: bool = False
) -> list[InputFile]:
    """Find the files that inputs stand for, in the order of the inputs.

    inputs (Iterable[str]): Files, folders, and patterns such as `data/**/*.jsonl`. Of a
        folder or pattern the files of known kinds are taken, sorted by name.
    output (Path | None): Where the output goes, which is not to be read.
    any_kind (bool): Whether a file that is given itself may be of any kind: it is then
        JSON or text, by its first bytes.
    RETURNS (list[InputFile]): The files.
    RAISES: InputError if there is nothing, a file is of no known kind, or comes twice.
    """
    kinds = ", ".join(INPUT_FORMATS)
    files: dict[str, InputFile] = {}
    for given in inputs:
        if os.path.isfile(given):
            found = [given]
            if not any_kind and not kind_of(given):
                raise InputError(f"is of no known kind. Known are {kinds}.", path=given)
        else:
            pattern = os.path.join(glob.escape(given), "**") if os.path.isdir(given) else given
            paths = sorted(glob.glob(pattern, recursive=True))
            found = [path for path in paths if kind_of(path) and os.path.isfile(path)]
        if not found:
            raise InputError(f"there is no such file, or none of {kinds} in it.", path=given)
        for path in found:
            absolute = os.path.realpath(path)
            if output is not None and Path(absolute).is_relative_to(output.resolve()):
                raise InputError(f"is in the output {output}. Name another output.", path=path)
            if absolute in files:
                raise InputError("comes twice in the inputs.", path=path)
            stat = os.stat(absolute)
            # A name that is not UTF-8 could not be written.
            name = os.fsencode(path).decode("utf-8", "replace")
            files[absolute] = InputFile(name, absolute, stat.st_size, stat.st_mtime_ns)
    return list(files.values())


def check_fields(files: list[InputFile], fields: Fields) -> None:
    """See that the first file has what is to be taken of it.

    files (list[InputFile]): The files.
    fields (Fields): What is taken of them.
    RAISES: InputError, saying what there is, if it has not.
    """
    for _, row in islice(open_format(files[0], fields).rows(0), 100):
        if isinstance(row, Mapping):
            check_columns(files[0], fields, row)
            return


def carried_types(files: list[InputFile], fields: Fields) -> dict[str, Any]:
    """Tell the types that carried columns have as columns.

    files (list[InputFile]): The files.
    fields (Fields): What is taken of them.
    RETURNS (dict[str, pyarrow.DataType]): Those of Parquet files where all inputs are,
        and agree; else strings.
    """
    string = import_pyarrow().string()
    types: dict[str, set[Any]] = {name: set() for name in fields.carry}
    for file in files if fields.carry else ():
        if kind_of(file.name) != ".parquet":
            return dict.fromkeys(fields.carry, string)
        with suppress(InputError):  # A damaged file gives no rows.
            for name, kind in ParquetFile(file, fields).types().items():
                types[name].add(kind)
    return {name: found.pop() if len(found) == 1 else string for name, found in types.items()}
