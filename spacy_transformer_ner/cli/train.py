"""`spacy ner train`."""

from pathlib import Path
from typing import Optional

import typer
from wasabi import msg

from ._util import ENCODER, GPU_ID


def train_cli(
    ctx: typer.Context,
    config: str = typer.Argument(
        ..., help="Name of a recipe (minilm, bert-base-cased, …), or a config file"
    ),
    train: Optional[str] = typer.Option(
        None,
        "--train",
        help="Training data: a .spacy file or folder, or any format that convert reads; paths.train of the config if not given",
    ),
    dev: Optional[str] = typer.Option(
        None, "--dev", help="Development data; paths.dev of the config if not given"
    ),
    output: Path = typer.Option(
        ..., "--output", "-o", help="Folder for the pipeline, its config and the training history"
    ),
    encoder: str = ENCODER,
    lang: Optional[str] = typer.Option(
        None, "--lang", "-l", help="Language of the pipeline; the config's if not given"
    ),
    seed: Optional[int] = typer.Option(
        None, "--seed", help="Random seed; the config's if not given"
    ),
    code_path: Optional[Path] = typer.Option(
        None, "--code", "-c", help="Python file with registered functions, imported before training"
    ),
    use_gpu: int = GPU_ID,
    check_only: bool = typer.Option(
        False,
        "--check-only",
        help="Check that the training can start, and write its config, but do not train",
    ),
) -> None:
    """Train a pipeline and calibrate its scores.

    Checks that the training can start, runs spaCy's own training, and calibrates the scores
    on the development data. Any setting of the config can be overridden, as in `spacy train`.
    Writes OUTPUT/model-best, model-last, config.cfg, history.jsonl and calibration.json. Rerun
    the same command to resume an interrupted training.

    \b
    Example:
      python -m spacy ner train minilm --train corpus/mine/train.spacy --dev corpus/mine/dev.spacy --output training/mine
      python -m spacy ner train my.cfg --output training/mine --training.max_steps 500
    """
    from spacy.cli._util import import_code, parse_config_overrides

    from ..training.train import Settings, prepare, train_pipeline

    import_code(code_path)
    settings = Settings(train=train, dev=dev, encoder=encoder, lang=lang, seed=seed)
    overrides = parse_config_overrides(ctx.args)
    path = prepare(config, output, settings, overrides, gpu_id=use_gpu)
    msg.good(f"{config} is ready to train: {path}")
    if not check_only:
        train_pipeline(path, output, gpu_id=use_gpu)
        msg.good(f"Pipeline: {output / 'model-best'}")
