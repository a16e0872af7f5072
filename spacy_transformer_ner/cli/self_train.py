"""`spacy ner self-train`."""

from pathlib import Path
from typing import Any, List, Optional

import typer
from wasabi import msg

from ._few_labels import TEXT, TEXT_PER, TEXTS, show_mixture, split_overrides
from ._util import CODE, GPU_ID


def self_train_cli(
    # fmt: off
    ctx: typer.Context,
    run: Path = typer.Argument(..., help="Folder of a training, the --output of train"),
    texts: List[str] = TEXTS,
    output: Path = typer.Option(..., "--output", "-o", help="Folder for the better pipeline"),
    rounds: int = typer.Option(3, "--rounds", min=1, help="Rounds, at most"),
    members: int = typer.Option(3, "--members", min=1, help="Pipelines that teach in round 1"),
    text: str = TEXT,
    text_per: Any = TEXT_PER,
    code_path: Optional[Path] = CODE,
    use_gpu: int = GPU_ID,
    # fmt: on
) -> None:
    """Improve a pipeline with texts that have no labels.

    In each round the pipeline annotates the texts, chooses what it is confident about, and is
    trained from the pretrained encoder again, on these and on the labelled data of the training.
    In the first round, others that are trained with other seeds annotate with it. A round that
    does not gain on dev is dropped, and is the last. Settings of the config can be overridden, as
    in `spacy ner train`. Writes OUTPUT/model-best, self-training.json and a folder for each round.
    Rerun the same command to resume.

    \b
    Example:
      python -m spacy ner self-train training/mine 'archive/**/*.jsonl' --output training/better
    """
    from spacy.cli._util import import_code, parse_config_overrides

    from ..annotation.formats import Fields
    from ..distillation.mixture import Mixture
    from ..distillation.self_train import FILE, self_train
    from ..gpu import check_gpu
    from .annotate import _progress

    texts, overrides = split_overrides(texts)
    import_code(code_path)
    check_gpu(use_gpu)
    result = self_train(
        run,
        texts,
        output,
        overrides=parse_config_overrides([*overrides, *ctx.args]),
        rounds=rounds,
        members=members,
        fields=Fields(text, text_per=text_per.value),
        gpu_id=use_gpu,
        progress=_progress,
        report=msg.divider,
    )
    for found in result.rounds:
        msg.divider(f"Round {found['number']}: F1 {found['f']:.3f}")
        show_mixture(Mixture(**found["mixture"]), found["warnings"])
    said = f"F1 on {result.dev}: {result.first_f:.3f} before, {result.f:.3f} now"
    if result.f > result.first_f:
        msg.good(f"{said}. Pipeline: {output / 'model-best'}, {output / FILE}")
    else:
        msg.warn(f"No round gained, so {output / 'model-best'} is the pipeline of {run}. {said}")
