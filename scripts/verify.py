"""Install a packaged pipeline in a new, empty environment, load it by its name
with the network off, and see that it finds what the trained pipeline finds."""

from pathlib import Path
from typing import Optional

import typer
from common import clear_failure
from wasabi import msg

from spacy_transformer_ner.exchange.verify import (
    CleanEnvironment,
    compare_entities,
    expected_entities,
    read_manifest,
)

app = typer.Typer(add_completion=False)


@app.command(help=__doc__)
def main(
    # fmt: off
    manifest: Path = typer.Argument(
        ..., help="JSON file of the package command; the wheels are beside it"
    ),
    model: Path = typer.Argument(..., help="Folder of the trained pipeline"),
    data_path: Path = typer.Argument(..., help=".spacy file with the texts to tag"),
    n_texts: int = typer.Option(20, "--n-texts", "-n", min=1, help="How many of its texts"),
    constraints: Optional[Path] = typer.Option(
        None, "--constraints", "-c", help="Constraints file for pip"
    ),
    output: Optional[Path] = typer.Option(
        None, "--output", "-o", help="JSON file to write the result to"
    ),
    # fmt: on
) -> None:
    with clear_failure():
        packaged = read_manifest(manifest)
        texts, expected = expected_entities(model, data_path, n_texts)
        with CleanEnvironment() as environment:
            msg.info(f"Installing {packaged.pipeline} in a clean environment (a few minutes)")
            environment.install(packaged, manifest.parent, constraints)
            msg.info("Tagging with the network off")
            tagged = environment.tag(packaged.pipeline, texts)
        verified = compare_entities(packaged, expected, tagged, output)
    versions = ", ".join(f"{name} {version}" for name, version in verified.versions.items())
    msg.good(
        f"{verified.pipeline} {verified.version} finds the same {verified.entities} entities in "
        f"{verified.texts} texts",
        versions,
    )


if __name__ == "__main__":
    app()
