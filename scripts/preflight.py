"""See that a training can start: the config is valid, the corpus is there, the
encoder and the GPU can be had. Takes what `spacy train` takes, overrides such
as --training.max_steps 100 included, and writes the whole config, recipes that
extend another put together."""

from pathlib import Path
from typing import Optional

import typer
from common import clear_failure
from spacy.cli._util import parse_config_overrides
from wasabi import msg

from spacy_transformer_ner.files import replacing
from spacy_transformer_ner.training.preflight import check_training
from spacy_transformer_ner.training.recipe import ITS_OWN

app = typer.Typer(add_completion=False)


@app.command(
    help=__doc__,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def main(
    # fmt: off
    ctx: typer.Context,
    config_path: Path = typer.Argument(..., help="Path to the config"),
    output: Optional[Path] = typer.Option(
        None, "--output", "-o", help="Where to write the whole config, for spacy train"
    ),
    encoder: str = typer.Option(ITS_OWN, help=f"The encoder; {ITS_OWN} is the recipe's own"),
    use_gpu: int = typer.Option(-1, "--gpu-id", "-g", help="GPU ID or -1 for CPU"),
    # fmt: on
) -> None:
    with clear_failure():
        overrides = parse_config_overrides(ctx.args)
        if encoder != ITS_OWN:
            overrides["paths.encoder"] = encoder
        config = check_training(config_path, overrides, gpu_id=use_gpu)
        if output is not None:
            with replacing(output) as new:
                config.to_disk(new)
    msg.good(f"{config_path} is ready to train")


if __name__ == "__main__":
    app()
