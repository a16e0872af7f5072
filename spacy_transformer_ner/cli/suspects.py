"""`spacy ner suspects`."""

from collections import Counter
from pathlib import Path
from typing import Optional

import typer
from wasabi import msg

from ..errors import InputError
from ._util import CODE, GPU_ID, progress_bar


def suspects_cli(
    # fmt: off
    ctx: typer.Context,
    corpus_dir: Path = typer.Argument(
        ..., help="Folder with train.spacy, dev.spacy, and optionally test.spacy"
    ),
    output: Path = typer.Argument(..., help="JSON Lines file to write"),
    errors: Optional[list[Path]] = typer.Option(
        None,
        "--errors",
        help="JSON Lines file of the evaluate command, for a split of the corpus; can be repeated",
    ),
    model: Optional[str] = typer.Option(
        None, "--model", help="A trained pipeline, to compare with dev and test"
    ),
    folds: Optional[int] = typer.Option(
        None,
        "--folds",
        min=2,
        help="Compare train with pipelines that are trained on the other parts of train, one for each of so many parts",
    ),
    config: str = typer.Option(
        "minilm",
        "--config",
        help="The recipe or config to train, for --folds; its settings can be overridden, as for train",
    ),
    encoder: str = typer.Option(
        "default",
        "--encoder",
        show_default=False,
        help="Encoder, for --folds: a folder, minilm, or a name on the Hugging Face hub; the recipe's if not given",
    ),
    work: Optional[Path] = typer.Option(
        None,
        "--work",
        help="Folder for the trainings of --folds; OUTPUT with the suffix .folds if not given",
    ),
    reviewed: Optional[list[Path]] = typer.Option(
        None,
        "--reviewed",
        help="A reviewed.jsonl of apply-review, if it is not beside the corpus or the files it was converted from; can be repeated",
    ),
    n: Optional[int] = typer.Option(
        None, "--n", "-n", min=1, help="Number of suspects to keep; all if not given"
    ),
    lang: Optional[str] = typer.Option(
        None, "--lang", "-l", help="Language code of the corpus; detected if not given"
    ),
    code_path: Optional[Path] = CODE,
    use_gpu: int = GPU_ID,
    # fmt: on
) -> None:
    """List suspicious labels for review in Prodigy or Doccano.

    A mention is suspicious if most mentions of the same words are labelled differently, or if
    a pipeline disagrees. Those with both come first, and of each kind those in train. What was
    reviewed before is left out. See apply-review for the way back.

    \b
    Example:
      python -m spacy ner suspects corpus/mine suspects.jsonl --model training/mine/model-best -n 100
    """
    from spacy.cli._util import import_code, parse_config_overrides

    from ..checks.check import check, paths_of
    from ..checks.suspects import flags_of, require_flat, suspect_records
    from ..files import check_writable, read_jsonl, write_jsonl
    from ..gpu import check_gpu
    from ..loading import load_pipeline
    from ..review.disagreements import flags_of_file, flags_of_folds, flags_of_pipeline
    from ..training.train import Settings
    from ..training.trials import Recipe

    check_gpu(use_gpu)
    check_writable(output)
    for path in reviewed or ():
        if not path.is_file():
            raise InputError("not found. Run `spacy ner apply-review` first.", path=path)
    import_code(code_path)
    paths = paths_of(corpus_dir)
    require_flat(paths)
    flags = [*flags_of(check(corpus_dir, lang=lang, progress=progress_bar("documents")).suspects)]
    for path in errors or ():
        flags += flags_of_file(read_jsonl(path, "evaluate"), paths, path)
    if model is not None:
        flags += flags_of_pipeline(load_pipeline(model), paths)
    if folds is not None:
        train, dev = (str(paths[split]) for split in ("train", "dev"))
        settings = Settings(train=train, dev=dev, encoder=encoder, lang=lang)
        recipe = Recipe(config, settings, parse_config_overrides(ctx.args), use_gpu)
        work = work or output.with_suffix(".folds")
        flags += flags_of_folds(recipe, work, folds, report=msg.divider)
    records = suspect_records(paths, flags, reviewed=reviewed or (), n=n)
    write_jsonl(output, records)
    kinds = Counter(" and ".join(record["suspect"]["sources"]) for record in records)
    by_kind = ", ".join(f"{count:,} by {kind}" for kind, count in kinds.most_common())
    msg.good(f"Suspects: {output} ({len(records):,}{': ' if by_kind else ''}{by_kind})")
