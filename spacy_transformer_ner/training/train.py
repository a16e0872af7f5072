"""The training behind `spacy ner train`: settings, checks, and spaCy's own training."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spacy.cli.train import train as spacy_train
from thinc.api import Config

from .. import processes
from ..corpus.reader import is_docbin
from ..errors import InputError
from ..files import replacing
from .distributed import train_distributed
from .preflight import check_training
from .recipe import ITS_OWN, load_recipe

READER = "spacy-transformer-ner.Corpus.v1"
# The files that a training writes to its folder, by their setting in [paths].
RECORDS = {
    "history": "history.jsonl",
    "calibration": "calibration.json",
    "checkpoints": "checkpoints",
}


@dataclass(frozen=True)
class Settings:
    """The settings of the command line; None for the config's.

    train, dev (str | None): The data, in any format that `convert` reads.
    encoder (str): The encoder, see `recipe.encoder_of`.
    lang (str | None): The language's code.
    seed (int | None): The random seed.
    """

    train: str | None = None
    dev: str | None = None
    encoder: str = ITS_OWN
    lang: str | None = None
    seed: int | None = None

    def overrides(self, config: Config) -> dict[str, Any]:
        """config (Config): The complete config.
        RETURNS (dict): The settings as overrides of the config."""
        lang = self.lang or config.get("nlp", {}).get("lang")
        found = {
            "paths.train": self.train,
            "paths.dev": self.dev,
            "paths.encoder": None if self.encoder == ITS_OWN else self.encoder,
            "nlp.lang": self.lang,
            "system.seed": self.seed,
        }
        for split in ("train", "dev"):
            path = getattr(self, split)
            if path is not None and Path(path).exists() and not is_docbin(path):
                found[f"corpora.{split}.@readers"] = READER
                found[f"corpora.{split}.lang"] = lang
        return {name: value for name, value in found.items() if value is not None}


def prepare(
    name: str | Path,
    output: Path,
    settings: Settings,
    overrides: dict[str, Any],
    *,
    gpu_id: int = -1,
) -> Path:
    """Check that a training can start, and write its complete config.

    name (str | Path): A recipe's name or a config file, see `recipe.find_recipe`.
    output (Path): The folder of the training, also for its `RECORDS` unless the config sets
        their paths.
    settings (Settings): The settings of the command line.
    overrides (dict): Other overrides of the config, as for `spacy train`.
    gpu_id (int): The GPU; -1 for the CPU.
    RETURNS (Path): The config, OUTPUT/config.cfg.
    RAISES: InputError for the first problem found.
    """
    config = load_recipe(name)
    paths = config.get("paths", {})
    records = {
        f"paths.{setting}": str(output / file)
        for setting, file in RECORDS.items()
        if setting in paths and paths[setting] is None
    }
    ready = check_training(
        name, {**records, **settings.overrides(config), **overrides}, gpu_id=gpu_id
    )
    with replacing(output / "config.cfg") as new:
        ready.to_disk(new)
    return output / "config.cfg"


def train_pipeline(config: Path, output: Path, *, gpu_id: int = -1) -> None:
    """Run spaCy's training, with other processes after `processes.join`.

    config (Path): The config, from `prepare`.
    output (Path): The folder for model-best and model-last.
    gpu_id (int): The GPU; -1 for the CPU.
    RAISES: InputError if it ends without a pipeline.
    """
    if processes.n_processes() > 1:
        train_distributed(config, output, gpu_id=gpu_id)
    else:
        spacy_train(config, output, use_gpu=gpu_id)
    if processes.is_first() and not (output / "model-best").is_dir():
        raise InputError("the training ended without a pipeline.", path=output)
