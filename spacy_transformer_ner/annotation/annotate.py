"""Annotate files of texts, and write shards."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from spacy.language import Language

from ..corpus.readers.tables import import_pyarrow
from ..errors import InputError
from ..files import write_bytes
from ..progress import Progress, no_progress
from .annotator import Annotator
from .chunks import Chunk, ChunkReader, Text, plan, to_json
from .formats import Fields, InputFile
from .inputs import carried_types, check_fields, find_files
from .manifest import ERRORS, Run, Shard, Totals, fingerprint, part_path
from .outputs import OutputFormat, to_bytes
from .schema import VERSION, Annotated, check_names


@dataclass(frozen=True)
class Job:
    """All that a worker needs to annotate any chunk, except the pipeline.

    files (tuple[InputFile, ...]): The inputs.
    fields (Fields): The columns or keys to read.
    output (Path): The output folder.
    format (str): The output format.
    carried (dict[str, pyarrow.DataType]): The types of carried columns.
    """

    files: tuple[InputFile, ...]
    fields: Fields
    output: Path
    format: OutputFormat
    carried: dict[str, Any]


class Worker:
    """Reads, annotates and writes chunks. The three can run at the same time, on different
    chunks.

    job (Job): The job.
    nlp (Language): The pipeline.
    """

    def __init__(self, job: Job, nlp: Language):
        self.job = job
        self.annotate = Annotator(nlp, keep_docs=job.format == "docbin")
        self.read = ChunkReader(job.files, job.fields).read

    def write(self, chunk: Chunk, annotated: Sequence[Annotated], failed: Sequence[Text]) -> Shard:
        """Write the errors of a chunk, if any, and then its shard.

        chunk (Chunk): The chunk.
        annotated (Sequence[Annotated]): Its annotated texts.
        failed (Sequence[Text]): The texts that failed.
        RETURNS (Shard): The shard that was written.
        RAISES: InputError if it cannot be written.
        """
        job = self.job
        path = part_path(job.output, chunk.number, job.format)
        if failed:
            kept = ("id", "file", "row", "reason")
            lines = (to_json({name: getattr(text, name) for name in kept}) for text in failed)
            errors = (job.output / ERRORS / path.name).with_suffix(".jsonl")
            write_bytes(errors, "".join(f"{line}\n" for line in lines).encode("utf-8"))
        content = to_bytes(annotated, job.format, job.carried)
        write_bytes(path, content)
        return Shard(
            number=chunk.number,
            texts=len(annotated),
            words=sum(each.words for each in annotated),
            entities=sum(each.n_entities for each in annotated),
            errors=len(failed),
            bytes=len(content),
            sha256=sha256(content).hexdigest(),
            size=chunk.size,
            after=list(asdict(chunk.after).values()),
        )


# Annotates the chunks and records each shard, in any order.
Engine = Callable[[Job, Language, Iterable[Chunk], Callable[[Shard], Shard]], Iterator[Shard]]


def annotate(
    nlp: Language,
    inputs: Iterable[str],
    output: str | Path,
    engine: Engine,
    *,
    fields: Fields = Fields(),
    format: OutputFormat = "parquet",
    shard_texts: int | None = None,
    progress: Progress = no_progress,
) -> tuple[Totals, bool]:
    """Annotate files of texts. An interrupted run is resumed.

    nlp (Language): The pipeline, loaded from disk.
    inputs (Iterable[str]): Files, folders and patterns.
    output (str | Path): The folder for the shards.
    engine (Callable): Runs the job: `local.run_here`, or a `ray_engine.RayEngine`.
    fields (Fields): The columns or keys to read.
    format (str): The output format: "parquet", "jsonl" or "docbin".
    shard_texts (int | None): Texts per shard, see `chunks.plan`.
    progress (Callable): Wraps the stream of shards. Also gets a tuple: the number of all shards,
        and of those that are finished.
    RETURNS (tuple[Totals, bool]): The totals, and whether there was anything left to do.
    RAISES: InputError if the run cannot start or resume.
    """
    output = Path(output)
    check_names(fields)
    if nlp.path is None:
        raise InputError("the pipeline is not saved. Save it with nlp.to_disk and load it again.")
    files = find_files(inputs, output)
    check_fields(files, fields)
    carried = {}
    if format == "parquet":
        import_pyarrow()
        carried = carried_types(files, fields)
    settings = {
        "version": VERSION,
        "pipeline": fingerprint(Path(nlp.path)),
        "inputs": [[file.name, file.size, file.modified] for file in files],
        "fields": {**asdict(fields), "carry": list(fields.carry)},
        "format": format,
        "shard_texts": shard_texts,
    }
    with Run(output, settings).writing() as run:
        if run.finished:
            return run.totals, False
        number, start = run.begin
        chunks = list(plan(files, fields, shard_texts, number, start))
        left = [chunk for chunk in chunks if chunk.number not in run.done]
        job = Job(tuple(files), fields, output.absolute(), format, carried)
        shards = engine(job, nlp, left, run.add)
        for _ in progress(shards, (number + len(chunks), len(run.done))):
            pass
        run.finish()
        return run.totals, True
