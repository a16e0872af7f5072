"""`spacy ner train`."""

from pathlib import Path
from typing import Optional

import typer
from wasabi import msg

from ._util import CODE, DEV, ENCODER, GPU_ID, PIPELINE_LANG, RECIPE, TRAIN, TRAINING_SEED


def train_cli(
    ctx: typer.Context,
    config: str = RECIPE,
    train: Optional[str] = TRAIN,
    dev: Optional[str] = DEV,
    output: Path = typer.Option(
        ..., "--output", "-o", help="Folder for the pipeline, its config and the training history"
    ),
    encoder: str = ENCODER,
    lang: Optional[str] = PIPELINE_LANG,
    seed: Optional[int] = TRAINING_SEED,
    code_path: Optional[Path] = CODE,
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
    the same command to resume an interrupted training. To train with several GPUs, start it
    with torchrun.

    \b
    Example:
      python -m spacy ner train minilm --train corpus/mine/train.spacy --dev corpus/mine/dev.spacy --output training/mine
      python -m spacy ner train my.cfg --output training/mine --training.max_steps 500
      torchrun --nproc-per-node 2 -m spacy ner train my.cfg --output training/mine --gpu-id 0
    """
    from spacy.cli._util import import_code, parse_config_overrides

    from .. import processes
    from ..training.train import Settings, prepare, train_pipeline

    import_code(code_path)
    gpu_id = processes.join(use_gpu)
    path = output / "config.cfg"
    if processes.is_first():
        settings = Settings(train=train, dev=dev, encoder=encoder, lang=lang, seed=seed)
        overrides = parse_config_overrides(ctx.args)
        path = prepare(config, output, settings, overrides, gpu_id=gpu_id)
        msg.good(f"{config} is ready to train: {path}")
    if not check_only:
        train_pipeline(path, output, gpu_id=gpu_id)
        if processes.is_first():
            msg.good(f"Pipeline: {output / 'model-best'}")
    processes.leave()
