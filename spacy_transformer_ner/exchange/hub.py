"""Share a packaged pipeline on the Hugging Face Hub.

spacy-huggingface-hub 0.0.10 is not used: it requires typer below 0.8, which conflicts with this
project's dependencies; it does not know `transformer_ner`, so the Hub would not list the pipeline
under token classification; it names the wheel without a version, which recent versions of pip
refuse; and it leaves out the wheel of this package."""

import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, Optional

from huggingface_hub import EvalResult, HfApi, ModelCard, ModelCardData, get_token
from huggingface_hub.errors import HFValidationError

from ..errors import InputError
from ..files import check_room, new_folder, read_json, sha256, size_of
from .package import Packaged

HUB = "https://huggingface.co/"
FIGURES = {"precision": "p", "recall": "r", "f1": "f"}


def build_repository(packaged: Packaged, wheels: Path, folder: Path, repo_id: str) -> None:
    """Write the contents of a Hub repository: the pipeline's files, so that `spacy.load` works
    on it, both wheels, and the model card with metadata as README.md.

    packaged (Packaged): The package.
    wheels (Path): The folder with its wheels.
    folder (Path): The folder to create.
    repo_id (str): The name of the repository, "owner/name".
    RAISES: InputError if a wheel is missing or has changed, or if the folder exists.
    """
    for name, digest in packaged.wheels.items():
        if not (wheels / name).is_file() or sha256(wheels / name) != digest:
            raise InputError(
                "not found, or not the wheel that was built. Build it again with `spacy ner "
                "package`.",
                path=wheels / name,
            )
    # Room for the wheels and for the unpacked pipeline.
    check_room(folder, 2 * sum(size_of(wheels / name) for name in packaged.wheels))
    with new_folder(folder) as new:
        new.mkdir()
        _unpack(wheels / next(iter(packaged.wheels)), new, packaged)
        for name in packaged.wheels:
            shutil.copyfile(wheels / name, new / name)
        meta = read_json(new / "meta.json", "package")
        readme = new / "README.md"
        urls = " ".join(f"{HUB}{repo_id}/resolve/main/{name}" for name in packaged.wheels)
        card = f"""---
{card_data(meta).to_yaml()}
---

# {packaged.pipeline}

{readme.read_text("utf-8").strip()}

### Install

```bash
pip install {urls}
```
"""
        # Parse the card as the Hub will.
        ModelCard(card).save(readme)


def card_data(meta: dict[str, Any]) -> ModelCardData:
    """Build the metadata that the Hub indexes.

    meta (dict): The meta.json of a packaged pipeline.
    RETURNS (ModelCardData): The metadata at the top of the model card.
    """
    name = f"{meta['lang']}_{meta['name']}"
    found = meta.get("performance", {}).get("evaluation")
    return ModelCardData(
        language="multilingual" if meta["lang"] == "xx" else meta["lang"],
        license=meta["license"].lower().replace(" ", "-") or None,
        library_name="spacy",
        tags=["spacy", "token-classification", "named-entity-recognition"],
        pipeline_tag="token-classification",
        base_model=_base_model(meta),
        model_name=name,
        eval_results=None if found is None else _results(found),
    )


def _results(evaluation: dict[str, Any]) -> list[EvalResult]:
    corpus = PurePosixPath(evaluation["corpus"])
    return [
        EvalResult(
            task_type="token-classification",
            task_name="NER",
            dataset_type=corpus.parent.name,
            dataset_name=corpus.parent.name,
            dataset_split=corpus.stem,
            metric_type=metric,
            metric_name=f"NER {metric}, raw text, exact match",
            metric_value=evaluation["text"]["entities"][figure],
        )
        for metric, figure in FIGURES.items()
    ]


def _base_model(meta: dict[str, Any]) -> Optional[str]:
    """The encoder's name on the Hub, if it is from there."""
    encoder = meta["sources"][1]
    if encoder.get("url", "").startswith(HUB):
        return encoder["url"].removeprefix(HUB)
    return encoder["name"] if encoder["name"].count("/") == 1 else None


def _unpack(wheel: Path, folder: Path, packaged: Packaged) -> None:
    inside = PurePosixPath(packaged.pipeline, f"{packaged.pipeline}-{packaged.version}")
    with zipfile.ZipFile(wheel) as archive:
        for info in archive.infolist():
            path = PurePosixPath(info.filename)
            if inside in path.parents and not info.is_dir():
                target = folder.joinpath(*path.relative_to(inside).parts)
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(info) as source, open(target, "wb") as new:
                    shutil.copyfileobj(source, new)


def find_owner(owner: str) -> str:
    """Find the owner of the repository, and check the login.

    owner (str): A user or an organization. Defaults to the token's user.
    RETURNS (str): The owner.
    RAISES: InputError if there is no token, or the Hub cannot be reached.
    """
    if get_token() is None:
        raise InputError(
            "no token for the Hugging Face Hub. Create one with write access at "
            f"{HUB}settings/tokens, and log in with `huggingface-cli login` (in newer versions `hf "
            "auth login`), or set HF_TOKEN."
        )
    with _reaching_the_hub():
        return owner or HfApi().whoami()["name"]


def upload(folder: Path, repo_id: str, version: str, *, private: bool = False) -> str:
    """Upload a folder. Replaces the files of an earlier version.

    folder (Path): The folder, see `build_repository`.
    repo_id (str): The repository, "owner/name"; created if it does not exist.
    version (str): The pipeline's version, for the commit message.
    private (bool): Whether to create the repository as private.
    RETURNS (str): The repository's URL.
    RAISES: InputError if the Hub cannot be reached or refuses the upload.
    """
    with _reaching_the_hub():
        api = HfApi()
        url = api.create_repo(repo_id, private=private, exist_ok=True)
        api.upload_folder(
            repo_id=repo_id,
            folder_path=folder,
            commit_message=f"Version {version}",
            delete_patterns="*",
        )
    return str(url)


@contextmanager
def _reaching_the_hub() -> Iterator[None]:
    try:
        yield
    except (OSError, HFValidationError) as error:  # network, Hub or repository name
        reason = " ".join(str(error).split())[:400]
        raise InputError(
            f"the Hugging Face Hub cannot be reached, or refused: {reason or type(error).__name__} "
            "Check the network connection, the repository name and the write access of the token."
        ) from None
