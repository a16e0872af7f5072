"""`spacy ner verify`."""

from pathlib import Path
from typing import Optional

import typer
from wasabi import msg

from ._util import MANIFEST


def verify_cli(
    manifest: Path = MANIFEST,
    model: Path = typer.Argument(..., help="Folder of the trained pipeline"),
    data_path: Path = typer.Argument(..., help=".spacy file with texts to annotate"),
    n_texts: int = typer.Option(20, "--n-texts", "-n", min=1, help="Number of texts to annotate"),
    constraints: Optional[Path] = typer.Option(
        None, "--constraints", "-c", help="Constraints file for pip"
    ),
    output: Optional[Path] = typer.Option(None, "--output", "-o", help="JSON file for the result"),
) -> None:
    """Test a packaged pipeline in a clean environment.

    Installs it in a new virtual environment, loads it by name with the network off, and checks
    that it finds the same entities as the trained pipeline.

    \b
    Example:
      python -m spacy ner verify packages/mine.json training/mine/model-best corpus/mine/test.spacy
    """
    from ..exchange.verify import (
        CleanEnvironment,
        compare_entities,
        expected_entities,
        read_manifest,
    )

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
