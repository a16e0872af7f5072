"""Trainings on parts of a corpus: for learning curves, and for cross-validation."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from ..corpus.overlapping import entities_in
from ..corpus.reader import annotated_docs
from ..errors import InputError
from ..files import replacing
from ..loading import load_pipeline
from .recipe import load_recipe
from .train import Settings, prepare, train_pipeline

# spaCy's default, for a config that sets none.
EVAL_FREQUENCY = 200


@dataclass(frozen=True)
class Recipe:
    """What is trained, apart from the documents.

    name (str | Path): A recipe's name or a config file, see `recipe.find_recipe`.
    settings (Settings): The settings of the command line.
    overrides (dict): Other overrides of the config, as for `spacy train`.
    gpu_id (int): The GPU; -1 for the CPU.
    """

    name: str | Path
    settings: Settings = Settings()
    overrides: dict[str, Any] = field(default_factory=dict)
    gpu_id: int = -1

    @property
    def lang(self) -> str:
        """RETURNS (str): The language code."""
        of_config = load_recipe(self.name, self.overrides).get("nlp", {}).get("lang")
        return self.settings.lang or of_config or "en"

    @property
    def seed(self) -> int:
        """RETURNS (int): The random seed."""
        of_config = load_recipe(self.name, self.overrides).get("system", {}).get("seed")
        return self.settings.seed if self.settings.seed is not None else of_config or 0

    def docs(self, split: str) -> list[Doc]:
        """Read the documents of a split.

        split (str): "train" or "dev".
        RETURNS (list[Doc]): The annotated documents that have tokens.
        RAISES: InputError if the path is not set, or cannot be read.
        """
        docs = annotated_docs(self.path(split), Vocab(), self.lang)
        return [doc for doc in docs if len(doc)]

    def path(self, split: str) -> str:
        """split (str): "train" or "dev".
        RETURNS (str): Its path, of the command line or the config.
        RAISES: InputError if it is not set, or not found."""
        of_config = load_recipe(self.name, self.overrides).get("paths", {}).get(split)
        path = getattr(self.settings, split) or of_config
        if path is None:
            raise InputError(f"no {split} corpus is set. Set it with --{split} PATH.")
        if not Path(path).exists():
            raise InputError(
                f"{split} corpus not found. Pass another one: --{split} PATH.", path=path
            )
        return str(path)

    def digest(self, *documents: Sequence[Doc]) -> str:
        """documents (Sequence[Doc]): The documents of a training.
        RETURNS (str): A digest of the documents and of all that is set. It is equal for equal
            trainings."""
        digest = blake2b(digest_size=16)
        digest.update(load_recipe(self.name, self.overrides).to_str().encode())
        digest.update(repr(replace(self.settings, train=None, dev=None)).encode())
        for doc in (doc for docs in documents for doc in docs):
            entities = [(ent.start, ent.end, ent.label_) for ent in entities_in(doc)]
            tokens = [token.text_with_ws for token in doc]
            digest.update(repr((tokens, entities)).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()


def train_on(
    recipe: Recipe, train: Sequence[Doc], dev: Path, folder: Path, *, seed: int, share: float
) -> Language:
    """Train a pipeline on some documents. If an earlier call was interrupted, it resumes.

    recipe (Recipe): The recipe.
    train (Sequence[Doc]): The training documents.
    dev (Path): The dev corpus.
    folder (Path): The folder for the training. Remove it when the pipeline is not needed.
    seed (int): The random seed.
    share (float): The share of the corpus that `train` is. With fewer documents there are
        fewer steps, so the pipeline is evaluated after fewer steps.
    RETURNS (Language): The pipeline with the best F1 on dev.
    RAISES: InputError if the training cannot start.
    """
    path = folder / "train.spacy"
    with replacing(path) as new:
        DocBin(docs=train, store_user_data=True).to_disk(new)
    config = load_recipe(recipe.name, recipe.overrides)
    every = config.get("training", {}).get("eval_frequency") or EVAL_FREQUENCY
    overrides = {**recipe.overrides, "training.eval_frequency": max(1, round(share * every))}
    settings = replace(recipe.settings, train=str(path), dev=str(dev), seed=seed)
    ready = prepare(recipe.name, folder, settings, overrides, gpu_id=recipe.gpu_id)
    return finish_training(ready, folder, gpu_id=recipe.gpu_id)


def finish_training(config: Path, folder: Path, *, gpu_id: int = -1) -> Language:
    """Run a training, or what is left of it, and load its pipeline.

    config (Path): The config, from `train.prepare`.
    folder (Path): The folder of the training.
    gpu_id (int): The GPU; -1 for the CPU.
    RETURNS (Language): The pipeline with the best F1 on dev.
    RAISES: InputError if it ends without a pipeline.
    """
    try:
        train_pipeline(config, folder, gpu_id=gpu_id)
    except SystemExit as end:  # also raised if the training was finished before
        if end.code:
            raise
    return load_pipeline(folder / "model-best")


def discard(folder: Path) -> None:
    """folder (Path): The folder of a training that is not needed any more. It is removed."""
    shutil.rmtree(folder, ignore_errors=True)
