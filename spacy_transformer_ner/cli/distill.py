"""`spacy ner distill`."""

from pathlib import Path
from typing import Any, List, Optional

import typer
from wasabi import msg

from ._few_labels import TEXT, TEXT_PER, TEXTS, show_mixture, split_overrides
from ._util import CODE, DEV, ENCODER, GPU_ID, PIPELINE_LANG, TRAINING_SEED


def distill_cli(
    # fmt: off
    ctx: typer.Context,
    teacher: str = typer.Argument(..., help="Name or path of the pipeline to learn from"),
    texts: List[str] = TEXTS,
    config: str = typer.Option("minilm", "--config", help="Name of a recipe, or a config file"),
    output: Path = typer.Option(..., "--output", "-o", help="Folder for the student, as of train"),
    train: Optional[str] = typer.Option(
        None, "--train", help="Labelled training data to add to the texts"
    ),
    dev: Optional[str] = DEV,
    layers: Optional[str] = typer.Option(
        None,
        "--layers",
        help="Layers of the encoder to keep: how many, or their numbers from 0, such as 0,2,4",
    ),
    text: str = TEXT,
    text_per: Any = TEXT_PER,
    encoder: str = ENCODER,
    lang: Optional[str] = PIPELINE_LANG,
    seed: Optional[int] = TRAINING_SEED,
    code_path: Optional[Path] = CODE,
    use_gpu: int = GPU_ID,
    # fmt: on
) -> None:
    """Train a pipeline on texts that another pipeline annotates.

    The teacher can be any pipeline that sets doc.ents: a larger one, rules, a zero-shot model.
    With --train, labelled data is added; dev is labelled data. Settings of the config can be
    overridden, as in `spacy ner train`. Writes what train writes, and OUTPUT/annotated,
    train.spacy and distillation.json. Rerun the same command to resume.

    \b
    Example:
      python -m spacy ner distill en_ner_large 'archive/**/*.jsonl' --dev corpus/mine/dev.spacy --output training/small --layers 3
      python -m spacy ner distill rules/ texts.txt --train corpus/mine/train.spacy --dev corpus/mine/dev.spacy --output training/mine
    """
    from spacy.cli._util import import_code, parse_config_overrides

    from ..annotation.formats import Fields
    from ..distillation.distill import FILE, distill
    from ..gpu import check_gpu
    from ..training.train import Settings
    from ..training.trials import Recipe
    from .annotate import _progress

    texts, overrides = split_overrides(texts)
    import_code(code_path)
    check_gpu(use_gpu)
    recipe = Recipe(
        config,
        Settings(train=train, dev=dev, encoder=encoder, lang=lang, seed=seed),
        parse_config_overrides([*overrides, *ctx.args]),
        use_gpu,
    )
    result = distill(
        teacher,
        texts,
        output,
        recipe,
        fields=Fields(text, text_per=text_per.value),
        layers=layers,
        progress=_progress,
        report=msg.divider,
    )
    show_mixture(result.mixture, result.warnings)
    msg.good(
        f"F1 on {result.dev}: student {result.student_f:.3f}, teacher {result.teacher_f:.3f}. "
        f"Pipeline: {output / 'model-best'}, {output / FILE}"
    )
