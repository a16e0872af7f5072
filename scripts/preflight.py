"""See that a training can start: the config is valid, the corpus is there, the
encoder and the GPU can be had. Takes what `spacy train` takes, overrides such
as --training.max_steps 100 included."""

from pathlib import Path

import typer
from common import clear_failure
from spacy.cli._util import parse_config_overrides
from wasabi import msg

from spacy_transformer_ner.running.preflight import check_training

app = typer.Typer(add_completion=False)


@app.command(
    help=__doc__,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def main(
    # fmt: off
    ctx: typer.Context,
    config_path: Path = typer.Argument(..., help="Path to the config"),
    use_gpu: int = typer.Option(-1, "--gpu-id", "-g", help="GPU ID or -1 for CPU"),
    # fmt: on
) -> None:
    with clear_failure():
        overrides = parse_config_overrides(ctx.args)
        check_training(config_path, overrides, gpu_id=use_gpu)
    msg.good(f"{config_path} is ready to train")


if __name__ == "__main__":
    app()
