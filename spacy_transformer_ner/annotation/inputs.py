"""Find the input files, and check their columns or keys."""

import glob
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from ..corpus.readers.tables import import_pyarrow
from ..errors import InputError
from .formats import Fields, InputFile, check_columns
from .input_formats import INPUT_FORMATS, kind_of, open_format


def find_files(
    inputs: Iterable[str], output: Path | None = None, *, any_kind: bool = False
) -> list[InputFile]:
    """Find the input files, in the order of the inputs.

    inputs (Iterable[str]): Files, folders and patterns such as `data/**/*.jsonl`. In folders
        and patterns, the files of supported formats are used, sorted by name.
    output (Path | None): The output folder, whose files cannot be inputs.
    any_kind (bool): Whether files may have other suffixes. These are JSON or text, by their
        first bytes.
    RETURNS (list[InputFile]): The files.
    RAISES: InputError if nothing is found, or a file is not supported or comes twice.
    """
    kinds = ", ".join(INPUT_FORMATS)
    files: dict[str, InputFile] = {}
    for given in inputs:
        if os.path.isfile(given):
            found = [given]
            if not any_kind and not kind_of(given):
                raise InputError(f"is not a supported format. Use one of {kinds}.", path=given)
        else:
            pattern = os.path.join(glob.escape(given), "**") if os.path.isdir(given) else given
            paths = sorted(glob.glob(pattern, recursive=True))
            found = [path for path in paths if kind_of(path) and os.path.isfile(path)]
        if not found:
            raise InputError(f"no such file, or no {kinds} files in it.", path=given)
        for path in found:
            absolute = os.path.realpath(path)
            if output is not None and Path(absolute).is_relative_to(output.resolve()):
                raise InputError(f"is in the output {output}. Use another output.", path=path)
            if absolute in files:
                raise InputError("comes twice in the inputs. Pass it once.", path=path)
            stat = os.stat(absolute)
            # Names that are not UTF-8 could not be written.
            name = os.fsencode(path).decode("utf-8", "replace")
            files[absolute] = InputFile(name, absolute, stat.st_size, stat.st_mtime_ns)
    return list(files.values())


def check_fields(files: list[InputFile], fields: Fields) -> None:
    """Check that the first file has all columns or keys.

    files (list[InputFile]): The files.
    fields (Fields): The columns or keys to read.
    RAISES: InputError if one is missing.
    """
    for _, row in islice(open_format(files[0], fields).rows(0), 100):
        if isinstance(row, Mapping):
            check_columns(files[0], fields, row)
            return


def carried_types(files: list[InputFile], fields: Fields) -> dict[str, Any]:
    """Get the types of the carried columns for Parquet output.

    files (list[InputFile]): The files.
    fields (Fields): The columns or keys to read.
    RETURNS (dict[str, pyarrow.DataType]): The types of the inputs, if it is the same in all
        files; else strings.
    """
    string = import_pyarrow().string()
    types: dict[str, set[Any]] = {name: set() for name in fields.carry}
    for file in files if fields.carry else ():
        with suppress(InputError):  # a damaged file has no rows
            for name, kind in open_format(file, fields).types().items():
                if kind is not None:
                    types[name].add(kind)
    return {name: found.pop() if len(found) == 1 else string for name, found in types.items()}
