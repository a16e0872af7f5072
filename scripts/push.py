"""Share a packaged pipeline on the Hugging Face hub: its files, both wheels, and its card
with what the hub indexes. It is public unless --private is given."""

import tempfile
from pathlib import Path
from typing import Optional

import typer
from common import clear_failure
from wasabi import msg

from spacy_transformer_ner.exchange.hub import build_repository, find_owner, upload
from spacy_transformer_ner.exchange.verify import read_manifest

app = typer.Typer(add_completion=False)


@app.command(help=__doc__)
def main(
    # fmt: off
    manifest: Path = typer.Argument(
        ..., help="JSON file that the package command wrote; the wheels lie beside it"
    ),
    org: str = typer.Option(
        "", "--org", "-o", help="User or organisation; the token's user if not given"
    ),
    private: bool = typer.Option(False, "--private", help="Let nobody else see a new repository"),
    dry_run: Optional[Path] = typer.Option(
        None, help="Folder to make with what would be uploaded; nothing is, and no network is used"
    ),
    # fmt: on
) -> None:
    with clear_failure():
        packaged = read_manifest(manifest)
        if dry_run is not None:
            repo_id = f"{org or 'OWNER'}/{packaged.pipeline}"
            build_repository(packaged, manifest.parent, dry_run, repo_id)
            msg.good(f"What would be uploaded as {repo_id}: {dry_run}")
            return
        repo_id = f"{find_owner(org)}/{packaged.pipeline}"
        with tempfile.TemporaryDirectory() as work:
            folder = Path(work, packaged.pipeline)
            build_repository(packaged, manifest.parent, folder, repo_id)
            msg.info(f"Uploading {repo_id} {packaged.version}")
            url = upload(folder, repo_id, packaged.version, private=private)
    msg.good(f"Uploaded: {url}")


if __name__ == "__main__":
    app()
