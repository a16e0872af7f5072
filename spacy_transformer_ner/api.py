"""The Python API: the commands of `spacy ner` as functions, for notebooks and scripts.

The names in `spacy_transformer_ner.__all__` are stable. The functions take
Docs, pipelines and paths, and return Docs, pipelines and frozen dataclasses with a `to_dict`.
Invalid input raises `InputError`, a ValueError.
"""

from collections.abc import Sequence
from pathlib import Path

from .annotation.annotate import annotate as annotate_files
from .annotation.formats import Fields
from .annotation.local import run_here
from .annotation.manifest import Totals
from .annotation.outputs import OutputFormat
from .annotation.rank import rank as rank
from .checks.check import check as check
from .corpus.convert import Converted
from .corpus.convert import convert as convert_files
from .corpus.options import ReadOptions as ReadOptions
from .corpus.reader import read_corpus as read_corpus
from .distillation.distill import Distilled
from .distillation.distill import distill as distill_recipe
from .distillation.self_train import SelfTrained
from .distillation.self_train import self_train as self_train_run
from .errors import InputError as InputError
from .evaluation.calibrate import calibrate as calibrate
from .evaluation.compare import compare_systems as compare  # noqa: F401
from .evaluation.evaluate import evaluate as evaluate
from .evaluation.thresholds import find_threshold as find_threshold
from .exchange.export_hf import export_pipeline as export_hf  # noqa: F401
from .exchange.import_hf import import_pipeline as import_hf  # noqa: F401
from .exchange.package import package as package
from .loading import Pipeline, load_pipeline
from .progress import Progress, no_progress
from .training.train import Settings
from .training.trials import Recipe


def convert(
    inputs: str | Path | Sequence[str | Path],
    output: str | Path,
    *,
    lang: str = "en",
    split: Sequence[float] | None = None,
    seed: int = 0,
    options: ReadOptions = ReadOptions(),
    progress: Progress = no_progress,
) -> list[Converted]:
    """Convert annotated files to .spacy files. Nothing is written unless all files can be read.

    inputs (str | Path | Sequence): Files, or folders whose files are named after their split.
    output (str | Path): A folder, or one .spacy file for all inputs.
    lang (str): The language's code.
    split (Sequence[float] | None): Split the documents at random by these shares, such as
        (80, 10, 10), into train, dev and test.
    seed (int): The random seed of the split.
    options (ReadOptions): How to read the files. What is not set is detected.
    progress (Callable): Wraps the stream of documents of a file; also gets the file's name.
    RETURNS (list[Converted]): What was written, for each .spacy file.
    RAISES: InputError if a file cannot be read.
    """
    paths = [inputs] if isinstance(inputs, (str, Path)) else inputs
    return convert_files(
        [Path(path) for path in paths],
        Path(output),
        options=options,
        lang=lang,
        shares=split,
        seed=seed,
        progress=progress,
    )


def annotate(
    pipeline: Pipeline,
    inputs: str | Sequence[str],
    output: str | Path,
    *,
    format: OutputFormat = "parquet",
    text: str = "text",
    id: str | None = None,
    carry: Sequence[str] = (),
    shard_texts: int | None = None,
    progress: Progress = no_progress,
) -> Totals:
    """Annotate files of texts. Call again with the same arguments to resume.

    pipeline (Language | str | Path): A pipeline that was loaded from disk, or its name or path.
    inputs (str | Sequence[str]): Files, folders and patterns such as 'data/**/*.jsonl'.
    output (str | Path): The folder for the shards.
    format (str): "parquet", "jsonl" or "docbin".
    text, id (str, str | None): Columns or keys of the text and of its ID.
    carry (Sequence[str]): Columns or keys to copy to the output.
    shard_texts (int | None): Texts per shard; 5,000, or fewer for long texts and small inputs, if
        None.
    progress (Callable): Wraps the stream of shards, see `annotation.annotate`.
    RETURNS (Totals): The numbers of texts, words, entities, errors and shards.
    RAISES: InputError if the run cannot start or resume.
    """
    totals, _ = annotate_files(
        load_pipeline(pipeline),
        [inputs] if isinstance(inputs, str) else inputs,
        output,
        run_here,
        fields=Fields(text, id, tuple(carry)),
        format=format,
        shard_texts=shard_texts,
        progress=progress,
    )
    return totals


def self_train(
    run: str | Path,
    texts: str | Sequence[str],
    output: str | Path,
    *,
    rounds: int = 3,
    members: int = 3,
    text: str = "text",
    gpu_id: int = -1,
    progress: Progress = no_progress,
) -> SelfTrained:
    """Improve a pipeline with texts without labels. Call again to resume.

    run (str | Path): The folder of its training, the output of `spacy ner train`.
    texts (str | Sequence[str]): Files, folders and patterns such as 'data/**/*.jsonl'.
    output (str | Path): The folder for the better pipeline.
    rounds (int): The highest number of rounds.
    members (int): The number of pipelines that annotate in the first round.
    text (str): The column or key of the text.
    gpu_id (int): The GPU; -1 for the CPU.
    progress (Callable): Wraps the stream of annotated shards.
    RETURNS (SelfTrained): The rounds, and what they gained.
    RAISES: InputError if something cannot be read, or a training cannot start.
    """
    return self_train_run(
        Path(run),
        [texts] if isinstance(texts, str) else texts,
        Path(output),
        rounds=rounds,
        members=members,
        fields=Fields(text),
        gpu_id=gpu_id,
        progress=progress,
    )


def distill(
    teacher: Pipeline,
    texts: str | Sequence[str],
    output: str | Path,
    *,
    dev: str | Path,
    train: str | Path | None = None,
    config: str = "minilm",
    layers: str | None = None,
    text: str = "text",
    gpu_id: int = -1,
    progress: Progress = no_progress,
) -> Distilled:
    """Train a pipeline on texts that another pipeline annotates. Call again to resume.

    teacher (Language | str | Path): A pipeline that sets `doc.ents` and was loaded from disk, or
        its name or path.
    texts (str | Sequence[str]): Files, folders and patterns such as 'data/**/*.jsonl'.
    output (str | Path): The folder for the pipeline.
    dev (str | Path): Labelled data to choose the best pipeline on, and to calibrate it.
    train (str | Path | None): Labelled data to add to the texts.
    config (str): A recipe's name or a config file.
    layers (str | None): The layers of the encoder to keep: how many, or their numbers from 0,
        separated by commas.
    text (str): The column or key of the text.
    gpu_id (int): The GPU; -1 for the CPU.
    progress (Callable): Wraps the stream of annotated shards.
    RETURNS (Distilled): What it was trained on, and its F1 on dev.
    RAISES: InputError if something cannot be read, or the training cannot start.
    """
    settings = Settings(train=None if train is None else str(train), dev=str(dev))
    return distill_recipe(
        teacher,
        [texts] if isinstance(texts, str) else texts,
        Path(output),
        Recipe(config, settings, gpu_id=gpu_id),
        fields=Fields(text),
        layers=layers,
        progress=progress,
    )
