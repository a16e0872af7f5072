"""A whole corpus: from files of texts to shards of what is in them."""

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

# How many texts a shard has, if they are not long.
SHARD_TEXTS = 5000


@dataclass(frozen=True)
class Job:
    """All that a worker needs to know, beside its pipeline, to do any chunk by itself.

    files (tuple[InputFile, ...]): The inputs.
    fields (Fields): What is taken of them.
    output (Path): The folder of the output.
    format (str): Its format.
    carried (dict[str, Any]): The types of carried columns.
    """

    files: tuple[InputFile, ...]
    fields: Fields
    output: Path
    format: OutputFormat
    carried: dict[str, Any]


class Worker:
    """Does chunks: reads, annotates and writes each. The three may run beside each
    other on different chunks.

    job (Job): The job.
    nlp (Language): The pipeline.
    """

    def __init__(self, job: Job, nlp: Language):
        self.job = job
        self.annotate = Annotator(nlp, keep_docs=job.format == "docbin")
        self.read = ChunkReader(job.files, job.fields).read

    def write(self, chunk: Chunk, annotated: Sequence[Annotated], failed: Sequence[Text]) -> Shard:
        """Write a shard, and its errors before.

        chunk (Chunk): What it was made of.
        annotated (Sequence[Annotated]): Its texts.
        failed (Sequence[Text]): Those that failed.
        RETURNS (Shard): What was written.
        RAISES: InputError if it cannot be.
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


# Does the chunks and notes each shard, in whatever order.
Engine = Callable[[Job, Language, Iterable[Chunk], Callable[[Shard], Shard]], Iterator[Shard]]


def annotate(
    nlp: Language,
    inputs: Iterable[str],
    output: str | Path,
    engine: Engine,
    *,
    fields: Fields = Fields(),
    format: OutputFormat = "parquet",
    shard_texts: int = SHARD_TEXTS,
    progress: Progress = no_progress,
) -> tuple[Totals, bool]:
    """Annotate files of texts. What was begun and not finished goes on.

    nlp (Language): The pipeline, as it was loaded.
    inputs (Iterable[str]): Files, folders and patterns.
    output (str | Path): The folder to write.
    engine (Callable): What does the work: `local.run_here`, or `ray_engine.RayEngine`.
    fields (Fields): What is taken of the inputs.
    format (str): The format of the output: "parquet", "jsonl" or "docbin".
    shard_texts (int): How many texts a shard has, if they are not long.
    progress (Callable): Wraps the stream of shards. Gets their sum when it is finished,
        in bytes of the inputs, and that of the shards that are finished already.
    RETURNS (tuple[Totals, bool]): What it came to, and whether there was anything left
        to do.
    RAISES: InputError if it cannot be begun, or cannot go on.
    """
    output = Path(output)
    check_names(fields)
    if nlp.path is None:
        raise InputError("the pipeline is not saved. Save it with nlp.to_disk, and load it.")
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
        number, begin = run.begin
        chunks = plan(files, fields, shard_texts, number, begin)
        left = (chunk for chunk in chunks if chunk.number not in run.done)
        job = Job(tuple(files), fields, output.absolute(), format, carried)
        # The size of what is packed is not known.
        total = None if any(file.zipped for file in files) else sum(file.size for file in files)
        shards = engine(job, nlp, left, run.add)
        for _ in progress(shards, (total, run.totals.size)):
            pass
        run.finish()
        return run.totals, True
