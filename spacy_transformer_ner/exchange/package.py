"""From a trained pipeline to wheels that pip installs."""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from spacy.cli.package import generate_readme
from spacy.util import load_config

import spacy_transformer_ner

from ..encoder.sources import describe_encoder
from ..errors import InputError
from ..files import read_json, replacing, sha256, write_json

PROJECT_ROOT = Path(spacy_transformer_ner.__file__).parents[1]
VERSION = re.compile(r"[0-9]+(\.[0-9]+)*((a|b|rc|\.post|\.dev)[0-9]+)?")


@dataclass(frozen=True)
class Card:
    """What a packaged pipeline says of itself.

    name (str): Its name without the language, e.g. "ner_sample_minilm".
    version (str): Its version, e.g. "0.1.0".
    dataset (str): What it was trained on.
    encoder (str): The pretrained encoder it was trained from; empty for what the
        pipeline's config says.
    author, license (str): As usual; empty if unknown.
    """

    name: str
    version: str
    dataset: str
    encoder: str
    author: str = ""
    license: str = ""


@dataclass(frozen=True)
class Packaged:
    """What was built.

    pipeline (str): The name to install and load, e.g. "en_ner_sample_minilm".
    version (str): Its version.
    wheels (dict[str, str]): File names, the pipeline's first, and their SHA-256.
    """

    pipeline: str
    version: str
    wheels: dict[str, str]

    def to_dict(self) -> dict:
        """RETURNS (dict): The fields, for JSON."""
        return asdict(self)


def package_name(name: str) -> str:
    """Make a name fit for a Python package.

    name (str): e.g. "ner_conll2003_bert-base-cased".
    RETURNS (str): e.g. "ner_conll2003_bert_base_cased".
    """
    return re.sub(r"[^0-9a-z]+", "_", name.lower()).strip("_")


def package(
    model_dir: str | Path,
    output_dir: str | Path,
    card: Card,
    *,
    metrics: dict | None = None,
    manifest: str | Path | None = None,
) -> Packaged:
    """Build the wheel of a trained pipeline, and that of this package, which it
    requires, beside it: `pip install --find-links OUTPUT_DIR NAME` then needs
    nothing of ours from an index.

    model_dir (str | Path): The pipeline, e.g. training/…/model-best.
    output_dir (str | Path): Where the wheels go.
    card (Card): What the pipeline says of itself.
    metrics (dict | None): What the evaluate command wrote, for the pipeline's
        scores.
    manifest (str | Path | None): Where to write what was built, as JSON.
    RETURNS (Packaged): What was built.
    RAISES: InputError if there is no pipeline, the name or version is none, the
        metrics are something else, or a build fails.
    """
    model_dir, output_dir = Path(model_dir), Path(output_dir)
    if not (model_dir / "meta.json").is_file():
        raise InputError("is no trained pipeline. Train one first.", path=model_dir)
    if not VERSION.fullmatch(card.version):
        raise InputError(f"{card.version!r} is not a version such as 0.1.0.")
    if not package_name(card.name):
        raise InputError(
            f"the name {card.name!r} has no letters or digits of ASCII, as a package's has to: "
            "give another with --name, or as vars.name in project.yml."
        )
    if not (PROJECT_ROOT / "pyproject.toml").is_file():
        raise InputError(
            "the package spacy_transformer_ner is not installed from its source, so its wheel "
            "cannot be built. Install it with pip install -e ."
        )
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        staged = work / "model"
        shutil.copytree(model_dir, staged)
        if not card.encoder:
            card = replace(card, encoder=_encoder_of(staged))
        meta = _write_card(staged, card, metrics)
        (work / "built").mkdir()
        _run(
            [sys.executable, "-m", "spacy", "package", str(staged), str(work / "built")]
            + ["--name", meta["name"], "--version", card.version, "--build", "wheel"]
        )
        _run([sys.executable, "-m", "build", str(PROJECT_ROOT), "--outdir", str(work / "ours")])
        wheels = [*(work / "built").glob("*/dist/*.whl"), *(work / "ours").glob("*.whl")]
        if len(wheels) != 2:
            raise InputError(f"the build gave {len(wheels)} wheels where two were expected.")
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


def _write_card(staged: Path, card: Card, metrics: dict | None) -> dict:
    """Write meta.json and README.md; RETURNS (dict): the meta."""
    try:
        meta = _meta(read_json(staged / "meta.json", "train"), card, metrics)
        given = {key: value for key, value in meta.items() if value != ""}
        readme = generate_readme(given)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            "the pipeline's meta.json or the figures are not what the train and evaluate "
            f"commands write ({type(error).__name__}: {error}). Make them again."
        ) from None
    write_json(staged / "meta.json", meta)
    (staged / "README.md").write_text(readme, encoding="utf-8")
    return meta


def _meta(meta: dict, card: Card, metrics: dict | None) -> dict:
    encoder = describe_encoder(card.encoder)
    labels = [label for labels in meta.get("labels", {}).values() for label in labels]
    meta = {
        **meta,
        "name": package_name(card.name),
        "version": card.version,
        "description": f"Named entity recognition ({', '.join(labels)}) trained on "
        f"{card.dataset}, from the encoder {encoder['name']}.",
        "author": card.author,
        "license": card.license,
        "sources": [{"name": f"{card.dataset} (training data)"}, encoder],
    }
    if metrics is not None:
        text = metrics["text"]
        keys = ("ents_f", "ents_p", "ents_r", "ents_per_type", "token_accuracy", "speed")
        meta["performance"] = {**{key: text[key] for key in keys}, "evaluation": metrics}
        meta["notes"] = _notes(meta, metrics)
    return meta


def _notes(meta: dict, metrics: dict) -> str:
    text = metrics["text"]
    intervals = text["intervals"]["of"]
    rows = [
        f"| {label} | {c['p']:.4f} | {c['r']:.4f} | {c['f']:.4f} | {_interval(intervals, label)} "
        f"| {c['tp']} | {c['fp']} | {c['fn']} |"
        for label, c in (*text["entities_per_type"].items(), ("all", text["entities"]))
    ]
    wrong = text["outcomes"]
    return "\n".join(
        [
            "### Entities per type",
            "",
            f"On {metrics['corpus']}, raw text, exact match of characters and label:",
            "",
            f"| type | precision | recall | F1 | F1, {text['intervals']['level']:.0%} | TP | FP | FN |",
            "|---|---|---|---|---|---|---|---|",
            *rows,
            "",
            f"Of the mistakes, {wrong['missed']} are missed entities, {wrong['invented']} invented "
            f"ones, {wrong['type']} have the wrong type, {wrong['boundary']} the wrong boundaries, "
            f"{wrong['both']} both.",
            "",
            "On the same corpus with its own tokens: F1 "
            f"{metrics['gold']['entities']['f']:.4f}. `ENTS_F` above is what `spacy evaluate` "
            "gives; it counts an entity as right too if it is a part of the right token. All "
            "figures are in `meta.json`, in `performance.evaluation`.",
            "",
            *_confidence(text.get("confidence")),
            "### Use",
            "",
            "```python",
            "import spacy",
            "",
            f'nlp = spacy.load("{meta["lang"]}_{meta["name"]}")',
            'doc = nlp("Some text.")',
            "print([(ent.text, ent.label_, ent._.score) for ent in doc.ents])",
            "```",
        ]
    )


def _interval(intervals: dict, label: str) -> str:
    if label not in intervals:
        return "–"
    return "{low:.3f} to {high:.3f}".format(**intervals[label]["f"])


def _confidence(figures: dict | None) -> list[str]:
    if figures is None:
        return []
    after = figures["after"]
    return [
        "### Scores",
        "",
        f"`ent._.score` is how probable it is that an entity is right. Here the mean score is "
        f"{after['mean_score']:.4f}, and {after['precision']:.4f} of the entities are right; the "
        f"expected calibration error is {after['ece']:.4f} ({figures['binning']}), the Brier score "
        f"{after['brier']:.4f}.",
        "",
    ]


def _run(command: Sequence[str]) -> None:
    """Run a build tool and show what it said only if it failed."""
    # From a neutral folder: one named build here would hide the package build.
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    if done.returncode:
        raise InputError(
            f"{' '.join(command[1:4])} failed:\n{(done.stdout + done.stderr).strip()[-3000:]}"
        )
