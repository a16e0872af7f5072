"""The state of a run, kept in its output folder so that it can be resumed.

    part-000000.parquet …     the shards
    _errors/part-000000.jsonl the texts of a shard that failed, if any
    _manifest.json            the settings of the run; at the end, its totals
    _shards.jsonl             one line per finished shard, written after the shard
    _lock                     locked by the process that writes

Readers of Parquet folders ignore names that start with an underscore.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import srsly
from filelock import FileLock, Timeout

from ..atomic import TEMPORARY, sync_folder, writing
from ..errors import InputError
from ..files import append_line, write_bytes
from ..files import sha256 as sha256_of_file
from ..results import Result
from .chunks import Position
from .outputs import SUFFIXES

MANIFEST = "_manifest.json"
SHARDS = "_shards.jsonl"
ERRORS = "_errors"
LOCK = "_lock"
# The names of the settings, for messages.
PARTS = {
    "version": "schema version",
    "pipeline": "pipeline",
    "inputs": "input",
    "fields": "--text, --id, --carry or --text-per",
    "format": "--format",
    "shard_texts": "--shard-texts",
}


@dataclass(frozen=True)
class Shard:
    """A finished shard.

    number (int): Its number.
    texts, words, entities, errors (int): Its counts; errors are texts that failed.
    bytes (int): The size of its file in bytes.
    sha256 (str): The file's SHA-256.
    size (int): The size of its inputs in bytes.
    after (list[int]): Where the next chunk starts: the fields of a `Position`.
    """

    number: int
    texts: int
    words: int
    entities: int
    errors: int
    bytes: int
    sha256: str
    size: int
    after: list[int]


@dataclass(frozen=True)
class Totals(Result):
    """The totals of the finished shards of a run.

    shards, texts, words, entities, errors, size (int): Sums over the shards.
    """

    shards: int
    texts: int
    words: int
    entities: int
    errors: int
    size: int


class Run:
    """The output of a run.

    folder (Path): Its folder.
    settings (Mapping[str, Any]): Its settings as JSON values, see PARTS.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]):
        self.folder = folder
        self.settings = settings
        self.done: dict[int, Shard] = {}

    @contextmanager
    def writing(self) -> Iterator["Run"]:
        """Start or resume the run. Partly written files are removed.

        YIELDS (Run): The run.
        RAISES: InputError if another process writes to the folder, or if it has other files or
            a run with other settings.
        """
        manifest = self.folder / MANIFEST
        if self.folder.exists() and not manifest.exists() and not self._is_ours():
            raise InputError("already exists. Use another output.", path=self.folder)
        with writing(self.folder):
            (self.folder / ERRORS).mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise InputError(
                "another process is writing to it. Wait until it ends, or use another output.",
                path=self.folder,
            ) from None
        try:
            if manifest.exists():
                self._compare(srsly.read_json(manifest))
            else:
                self._write_manifest(None)
            self._read_shards()
            self._clean()
            yield self
        finally:
            lock.release()

    def _is_ours(self) -> bool:
        """Whether the folder has only files that a run creates before its manifest."""
        return self.folder.is_dir() and all(
            path.name in (ERRORS, LOCK) or path.suffix == TEMPORARY
            for path in self.folder.iterdir()
        )

    def _compare(self, started: Mapping[str, Any]) -> None:
        for part, name in PARTS.items():
            if started.get(part) != self.settings[part]:
                was, now = started.get(part), self.settings[part]
                if part == "inputs" and isinstance(was, list):
                    pairs = zip([*was, *([None] * len(now))], [*now, *([None] * len(was))])
                    was, now = next((a, b) for a, b in pairs if a != b)
                raise InputError(
                    f"was started with another {name}: {json.dumps(was)}, not {json.dumps(now)}. "
                    "Use the same settings to resume, or use another output.",
                    path=self.folder,
                )

    def _read_shards(self) -> None:
        path = self.folder / SHARDS
        whole = 0
        for line in path.read_bytes().splitlines(keepends=True) if path.exists() else ():
            try:
                shard = Shard(**json.loads(line))
            except (ValueError, TypeError):
                break
            if not line.endswith(b"\n"):
                break
            whole += len(line)
            self.done[shard.number] = shard
        with open(path, "ab") as file:
            # Remove a partly written line.
            file.truncate(whole)
        for number, shard in list(self.done.items()):
            part = self.part(number)
            if not part.exists() or part.stat().st_size != shard.bytes:
                del self.done[number]

    def _clean(self) -> None:
        """Remove the files of unfinished shards."""
        folders = self.folder, self.folder / ERRORS
        paths = [path for folder in folders for path in folder.glob(f".*{TEMPORARY}")]
        for path in (path for folder in folders for path in folder.glob("part-*")):
            if int(path.stem.removeprefix("part-")) not in self.done:
                paths.append(path)
        for path in paths:
            path.unlink()

    def part(self, number: int) -> Path:
        """number (int): A shard's number.
        RETURNS (Path): Its file."""
        return part_path(self.folder, number, self.settings["format"])

    @property
    def begin(self) -> tuple[int, Position]:
        """RETURNS (tuple[int, Position]): The number of the first unfinished chunk, and where
        it starts."""
        number = 0
        while number in self.done:
            number += 1
        return number, Position(*self.done[number - 1].after) if number else Position()

    @property
    def finished(self) -> bool:
        """RETURNS (bool): Whether all shards are finished."""
        totals = srsly.read_json(self.folder / MANIFEST)["totals"]
        return totals is not None and totals["shards"] == len(self.done)

    @property
    def totals(self) -> Totals:
        """RETURNS (Totals): The totals of the finished shards."""
        sums = (
            sum(getattr(shard, name) for shard in self.done.values())
            for name in ("texts", "words", "entities", "errors", "size")
        )
        return Totals(len(self.done), *sums)

    def add(self, shard: Shard) -> Shard:
        """Record a finished shard, after its file was fsynced.

        shard (Shard): The shard.
        RETURNS (Shard): The same shard.
        """
        append_line(self.folder / SHARDS, json.dumps(asdict(shard)))
        self.done[shard.number] = shard
        return shard

    def finish(self) -> None:
        """Record that all shards are finished."""
        self._clean()  # a lost worker may have left partly written files
        self._write_manifest(asdict(self.totals))

    def _write_manifest(self, totals: dict | None) -> None:
        content = json.dumps({**self.settings, "totals": totals}, indent=1, ensure_ascii=False)
        write_bytes(self.folder / MANIFEST, content.encode("utf-8"))
        sync_folder(self.folder.parent)


def part_path(folder: Path, number: int, format: str) -> Path:
    """folder (Path): The output folder.
    number (int): A shard's number.
    format (str): The output format.
    RETURNS (Path): The shard's file."""
    return folder / f"part-{number:06}{SUFFIXES[format]}"


def fingerprint(folder: Path) -> str:
    """folder (Path): A saved pipeline.
    RETURNS (str): A SHA-256 of the names and contents of its files."""
    digest = sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(
                f"{path.relative_to(folder).as_posix()} {sha256_of_file(path)}\n".encode()
            )
    return digest.hexdigest()
