"""Build the wheels of a trained pipeline."""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from spacy.util import load_config

import spacy_transformer_ner

from ..errors import InputError
from ..files import check_room, read_json, replacing, sha256, size_of, write_json
from ..results import Result
from .card import Card, CommandRecords, card_meta, package_name, readme
from .own_wheel import installed_wheel

PROJECT_ROOT = Path(spacy_transformer_ner.__file__).parents[1]
VERSION = re.compile(r"[0-9]+(\.[0-9]+)*((a|b|rc|\.post|\.dev)[0-9]+)?")


@dataclass(frozen=True)
class Packaged(Result):
    """A packaged pipeline.

    pipeline (str): The name to install and load, e.g. "en_ner_sample_minilm".
    version (str): Its version.
    wheels (dict[str, str]): File names and SHA-256 of the wheels, the pipeline's first.
    """

    pipeline: str
    version: str
    wheels: dict[str, str]


def package(
    pipeline: str | Path,
    output: str | Path,
    *,
    name: str,
    version: str = "0.1.0",
    dataset: str = "unknown",
    encoder: str = "",
    author: str = "",
    license: str = "",
    records: CommandRecords = CommandRecords(),
    manifest: str | Path | None = None,
) -> Packaged:
    """Build the wheel of a trained pipeline and the wheel of this package, which it requires,
    so that `pip install --find-links OUTPUT_DIR NAME` finds both.

    pipeline (str | Path): The pipeline's folder, e.g. training/…/model-best.
    output (str | Path): The folder for the wheels.
    name (str): The pipeline's name, without the language.
    version, dataset, encoder, author, license (str): For the model card, see `card.Card`.
    records (CommandRecords): Figures, training history and corpus, from other commands.
    manifest (str | Path | None): The JSON file for the result, if any.
    RETURNS (Packaged): The package.
    RAISES: InputError if the pipeline is not found, the name or version is invalid, the
        outputs of the other commands are invalid, or a build fails.
    """
    model_dir, output_dir = Path(pipeline), Path(output)
    card = Card(name, version, dataset, encoder, author, license)
    if not (model_dir / "meta.json").is_file():
        raise InputError("no trained pipeline found. Run `spacy ner train` first.", path=model_dir)
    if not VERSION.fullmatch(card.version):
        raise InputError(
            f"{card.version!r} is not a version. Set --version to a version such as 0.1.0."
        )
    if not package_name(card.name):
        raise InputError(
            f"the name {card.name!r} has no ASCII letters or digits, which a package name needs. "
            "Set another with --name, or with vars.name in project.yml."
        )
    # The wheel is about as large as the pipeline. Building it needs three more copies.
    size = size_of(model_dir)
    check_room(tempfile.gettempdir(), 4 * size)
    check_room(output_dir, size)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        staged = work / "model"
        shutil.copytree(model_dir, staged)
        if not card.encoder:
            card = replace(card, encoder=_encoder_of(staged))
        meta = _write_card(staged, card, records)
        (work / "built").mkdir()
        _run(
            [sys.executable, "-m", "spacy", "package", str(staged), str(work / "built")]
            + ["--name", meta["name"], "--version", card.version, "--build", "wheel"]
        )
        (work / "ours").mkdir()
        if (PROJECT_ROOT / "pyproject.toml").is_file():
            # An editable installation: build from the current source.
            _run([sys.executable, "-m", "build", str(PROJECT_ROOT), "--outdir", str(work / "ours")])
        else:
            installed_wheel(work / "ours")
        wheels = [*(work / "built").glob("*/dist/*.whl"), *(work / "ours").glob("*.whl")]
        if len(wheels) != 2:
            raise InputError(f"the build made {len(wheels)} wheels instead of 2.")
        for wheel in wheels:
            with replacing(output_dir / wheel.name) as new:
                shutil.copyfile(wheel, new)
        packaged = Packaged(
            pipeline=f"{meta['lang']}_{meta['name']}",
            version=card.version,
            wheels={w.name: sha256(w) for w in wheels},
        )
    if manifest is not None:
        write_json(manifest, packaged.to_dict())
    return packaged


def _encoder_of(staged: Path) -> str:
    paths = load_config(staged / "config.cfg").get("paths", {})
    return str(paths.get("encoder") or "unknown")


def _write_card(staged: Path, card: Card, records: CommandRecords) -> dict:
    """Write meta.json and README.md.
    RETURNS (dict): The meta."""
    try:
        meta = card_meta(read_json(staged / "meta.json", "train"), card, records)
        text = readme(meta)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise InputError(
            "the pipeline's meta.json, or a file passed with --metrics, --history or --corpus, is "
            "not what the train, evaluate and convert commands write "
            f"({type(error).__name__}: {error}). Run these commands again."
        ) from None
    write_json(staged / "meta.json", meta)
    (staged / "README.md").write_text(text, encoding="utf-8")
    return meta


def _run(command: Sequence[str]) -> None:
    """Run a build tool, and show its output only if it fails."""
    # In an empty folder, as a local folder named build would shadow the package build.
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    if done.returncode:
        raise InputError(
            f"{' '.join(command[1:4])} failed:\n{(done.stdout + done.stderr).strip()[-3000:]}"
        )
