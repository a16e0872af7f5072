"""`spacy ner config`."""

from pathlib import Path
from typing import Optional

import typer
from wasabi import msg

from ..files import replacing
from ..training.recipe import ITS_OWN, load_recipe
from ._util import ENCODER


def config_cli(
    recipe: str = typer.Argument(
        ..., help="Name of a recipe (minilm, bert-base-cased, …), or a config file that extends one"
    ),
    output: Optional[Path] = typer.Option(
        None, "--output", "-o", help="File to write; standard output if not given"
    ),
    encoder: str = ENCODER,
    lang: Optional[str] = typer.Option(None, "--lang", "-l", help="Language of the pipeline"),
) -> None:
    """Write the full config of a recipe.

    Use it with spaCy's own commands, or edit it and train with it.

    \b
    Example:
      python -m spacy ner config minilm --output config.cfg
    """
    overrides = {"nlp.lang": lang} if lang else {}
    if encoder != ITS_OWN:
        overrides["paths.encoder"] = encoder
    config = load_recipe(recipe, overrides)
    if output is None:
        print(config.to_str())
        return
    with replacing(output) as new:
        config.to_disk(new)
    msg.good(f"Config: {output}")
