"""A packaged pipeline on the Hugging Face hub.

spacy-huggingface-hub 0.0.10 does this for spaCy's own components. It is not used here:
it needs typer below 0.8, so it cannot be installed beside what this project pins; it
knows no `transformer_ner`, so the hub would not list the pipeline among recognisers of
entities; it gives the wheel a name without a version, which new versions of pip refuse;
and it leaves out the wheel of the component. What both use is huggingface_hub, which
comes with transformers."""

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
    """Make a folder of what the hub is to have: the pipeline's files, as `spacy.load` and
    people look for them, both wheels, and as README.md its card with what the hub indexes.

    packaged (Packaged): What was built.
    wheels (Path): Where its wheels are.
    folder (Path): The folder to make.
    repo_id (str): What the repository is to be called, "owner/name".
    RAISES: InputError if a wheel is not there or another one, or the folder is there.
    """
    for name, digest in packaged.wheels.items():
        if not (wheels / name).is_file() or sha256(wheels / name) != digest:
            raise InputError(
                "is not there, or not the wheel that was built. Build it again: spacy project "
                "run package . --force",
                path=wheels / name,
            )
    # The wheels, and what is in the first of them.
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
        # Read again: it is what the hub will do.
        ModelCard(card).save(readme)


def card_data(meta: dict[str, Any]) -> ModelCardData:
    """Make the metadata that the hub finds a pipeline by.

    meta (dict): The meta.json of a packaged pipeline.
    RETURNS (ModelCardData): What stands at the head of its card.
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
    """The encoder's name on the hub, if it is from there."""
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
    """Find in whose name to upload, and that it can be done.

    owner (str): A user or an organisation; empty for whose the token is.
    RETURNS (str): The owner.
    RAISES: InputError if there is no token, or the hub cannot be reached.
    """
    if get_token() is None:
        raise InputError(
            "there is no token for the Hugging Face hub. Make one that may write at "
            f"{HUB}settings/tokens, and log in with huggingface-cli login (in newer versions hf "
            "auth login), or set HF_TOKEN."
        )
    with _reaching_the_hub():
        return owner or HfApi().whoami()["name"]


def upload(folder: Path, repo_id: str, version: str, *, private: bool = False) -> str:
    """Upload a folder, in place of the version that may be there.

    folder (Path): From `build_repository`.
    repo_id (str): The repository, "owner/name"; it is made if it is not there.
    version (str): The pipeline's version, for the history.
    private (bool): Whether a new repository can be seen by its owner only.
    RETURNS (str): The repository's address.
    RAISES: InputError if the hub cannot be reached or refuses.
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
    except (OSError, HFValidationError) as error:  # of the network, the hub, or a name
        reason = " ".join(str(error).split())[:400]
        raise InputError(
            f"the Hugging Face hub cannot be reached, or refuses: {reason or type(error).__name__} "
            "See that the network is on and the token may write there."
        ) from None
