"""`spacy ner push`."""

import tempfile
from pathlib import Path
from typing import Optional

import typer
from wasabi import msg

from ._util import MANIFEST


def push_cli(
    manifest: Path = MANIFEST,
    org: str = typer.Option(
        "", "--org", "-o", help="User or organization; the owner of the token if not given"
    ),
    private: bool = typer.Option(False, "--private", help="Create the repository as private"),
    dry_run: Optional[Path] = typer.Option(
        None,
        "--dry-run",
        help="Write the files to this folder instead of uploading them",
    ),
) -> None:
    """Share a packaged pipeline on the Hugging Face hub.

    Uploads its files, both wheels and the model card. The repository is public unless --private
    is given. Needs a token (huggingface-cli login).

    \b
    Example:
      python -m spacy ner push packages/mine.json --org my-team --private
    """
    from ..exchange.hub import build_repository, find_owner, upload
    from ..exchange.verify import read_manifest

    packaged = read_manifest(manifest)
    if dry_run is not None:
        repo_id = f"{org or 'OWNER'}/{packaged.pipeline}"
        build_repository(packaged, manifest.parent, dry_run, repo_id)
        msg.good(f"Dry run of {repo_id}: {dry_run}")
        return
    repo_id = f"{find_owner(org)}/{packaged.pipeline}"
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work, packaged.pipeline)
        build_repository(packaged, manifest.parent, folder, repo_id)
        msg.info(f"Uploading {repo_id} {packaged.version}")
        url = upload(folder, repo_id, packaged.version, private=private)
    msg.good(f"Uploaded: {url}")
