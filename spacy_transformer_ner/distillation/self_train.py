"""Self-training: rounds in which a pipeline annotates texts, and is trained from the pretrained
encoder again, on labelled data and on what it was confident about."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

from spacy.tokens import Doc
from spacy.vocab import Vocab

from ..annotation.formats import Fields
from ..annotation.inputs import find_files
from ..annotation.manifest import Totals, fingerprint
from ..errors import InputError
from ..files import new_folder, read_json, write_json
from ..loading import load_pipeline
from ..progress import Progress, no_progress
from ..training.preflight import check_training
from ..training.recipe import load_recipe
from ..training.train import RECORDS, prepare
from ..training.trials import Recipe, finish_training
from ..unlabelled import META
from .distill import f_on
from .ensemble import Ensemble
from .mixture import Mixture, mix
from .selection import MISSED, Selection, choose, chosen_parts, sentences_of

SCHEMA = "spacy-transformer-ner.self-training.v1"
FILE = "self-training.json"
# The share of each type's entities to take in each round. Later pipelines are trusted more.
SHARES = (0.5, 0.65, 0.8)
# How many pipelines teach in the first round.
MEMBERS = 3
# The recipe whose number of steps a new training has: that of RUN was fitted to less text.
STEPS_OF = "minilm"
STEPS = "max_epochs", "max_steps", "eval_frequency", "patience"
# What a training leaves in its folder, for the commands that read it.
KEPT = "config.cfg", "history.jsonl", "calibration.json"


@dataclass(frozen=True)
class Round:
    """A round of self-training.

    number (int): Its number, from 1.
    annotated (Totals): The texts that were annotated.
    temperature (float): That of the distribution over the tags.
    selection (Selection): What was chosen of them.
    mixture (Mixture): What the pipeline was trained on.
    f (float): F1 on dev of the pipeline that was trained.
    gained (bool): Whether it is better than the best before.
    warnings (tuple[str, ...]): What looks wrong in the mixture.
    """

    number: int
    annotated: Totals
    temperature: float
    selection: Selection
    mixture: Mixture
    f: float
    gained: bool
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class SelfTrained:
    """A self-training.

    run (str): The training that it started with.
    train, dev (str): The labelled data.
    first_f (float): F1 on dev of the pipeline that it started with.
    rounds (tuple[dict, ...]): The rounds, see `Round`. Only the last may not have gained.
    f (float): F1 on dev of the best pipeline.
    """

    run: str
    train: str
    dev: str
    first_f: float
    rounds: tuple[dict[str, Any], ...]
    f: float

    def to_dict(self) -> dict:
        """RETURNS (dict): All fields, for JSON."""
        return {"schema": SCHEMA, **asdict(self)}


def self_train(
    run: Path,
    inputs: Sequence[str],
    output: Path,
    *,
    overrides: dict[str, Any] | None = None,
    rounds: int = len(SHARES),
    members: int = MEMBERS,
    fields: Fields = Fields(),
    gpu_id: int = -1,
    progress: Progress = no_progress,
    report: Callable[[str], Any] = lambda line: None,
) -> SelfTrained:
    """Improve a pipeline with texts without labels. Call it again to resume: finished rounds are
    not repeated.

    run (Path): The folder of its training, with config.cfg and model-best.
    inputs (Sequence[str]): Files, folders and patterns of texts.
    output (Path): The folder for the best pipeline, the rounds and self-training.json.
    overrides (dict | None): Overrides of the config, as for `spacy train`.
    rounds (int): The highest number of rounds. A round that does not gain on dev is the last.
    members (int): The number of pipelines that teach in the first round: that of the run, and
        others that are trained in the same way with other seeds.
    fields (Fields): The columns or keys of the texts.
    gpu_id (int): The GPU; -1 for the CPU.
    progress (Callable): Wraps the stream of annotated shards.
    report (Callable): Called with a line before each phase.
    RETURNS (SelfTrained): The rounds.
    RAISES: InputError if the run, the texts or the labelled data cannot be read, or a training
        cannot start.
    """
    recipe = recipe_of(run, overrides or {}, gpu_id)
    # Annotating can take hours, so the training is checked first.
    check_training(recipe.name, recipe.overrides, gpu_id=gpu_id)
    work = _Work(run, inputs, output, recipe, members, fields, progress, report)
    first_f = f_on(load_pipeline(run / "model-best"), work.dev)
    best, best_f = run, first_f
    done: list[dict[str, Any]] = []
    for number in range(1, rounds + 1):
        report(f"Round {number} of {rounds}")
        found = work.round(number, best, best_f)
        if found is None:
            report("The pipeline is not confident about any entity in the texts")
            break
        done.append(found)
        if not found["gained"]:
            report(f"Round {number} does not gain ({found['f']:.3f}): dropped")
            break
        report(f"Round {number} gains: F1 {best_f:.3f} before, {found['f']:.3f} now")
        best, best_f = output / f"round-{number}", found["f"]
    result = SelfTrained(
        str(run), recipe.path("train"), recipe.path("dev"), first_f, tuple(done), best_f
    )
    _keep(best, output, result)
    return result


def recipe_of(run: Path, overrides: dict[str, Any], gpu_id: int = -1) -> Recipe:
    """Get the recipe of a training, to train again with more text.

    run (Path): The folder of the training.
    overrides (dict): Overrides of its config.
    gpu_id (int): The GPU; -1 for the CPU.
    RETURNS (Recipe): The recipe. Its steps are not those that were fitted to the corpus.
    RAISES: InputError if the folder is not that of a training.
    """
    path = run / "config.cfg"
    if not path.is_file() or not (run / "model-best").is_dir():
        raise InputError(
            "is not the folder of a training: it has no config.cfg and model-best. Pass the "
            "--output of train.",
            path=run,
        )
    own, usual = load_recipe(path)["training"], load_recipe(STEPS_OF)["training"]
    # If the steps were fitted, there is no number of epochs.
    steps = {f"training.{name}": usual[name] for name in STEPS if not own["max_epochs"]}
    return Recipe(path, overrides={**steps, **overrides}, gpu_id=gpu_id)


@dataclass(frozen=True)
class _Work:
    """What the rounds have in common: the arguments of `self_train`, and what is read for them."""

    run: Path
    inputs: Sequence[str]
    output: Path
    recipe: Recipe
    members: int
    fields: Fields
    progress: Progress
    report: Callable[[str], Any]

    @cached_property
    def labelled(self) -> list[Doc]:
        return self.recipe.docs("train")

    @cached_property
    def dev(self) -> list[Doc]:
        return self.recipe.docs("dev")

    @cached_property
    def digest(self) -> str:
        """RETURNS (str): A digest of all that the rounds depend on."""
        found = find_files(self.inputs, self.output)
        files = [(file.path, file.size, file.modified) for file in found]
        trained = self.recipe.digest(self.labelled, self.dev)
        known = fingerprint(self.run / "model-best")
        content = (trained, known, files, self.fields, self.members)
        return blake2b(repr(content).encode(), digest_size=16).hexdigest()

    def round(self, number: int, best: Path, best_f: float) -> dict[str, Any] | None:
        """Do a round, unless it is finished.

        number (int): Its number.
        best, best_f (Path, float): The training with the best pipeline so far, and its F1.
        RETURNS (dict | None): The round, see `Round`; None if the pipeline is not confident about
            any entity.
        RAISES: InputError if it was started with other settings.
        """
        folder = self.output / f"round-{number}"
        path = folder / "round.json"
        if path.is_file():
            found = read_json(path, "self-train")
            if found.pop("digest") != self.digest:
                raise InputError(
                    "was started with other settings, texts or labelled data. Use the same to "
                    "resume, or another --output.",
                    path=self.output,
                )
            return found
        done = self._run(number, best, best_f, folder)
        if done is None:
            return None
        found = asdict(done) | {"selection": done.selection.to_dict()}
        write_json(path, {"digest": self.digest, **found})
        return found

    def _run(self, number: int, best: Path, best_f: float, folder: Path) -> Round | None:
        recipe = self.recipe
        others = range(2, self.members + 1) if number == 1 else ()
        teachers = Ensemble.load([best, *map(self._train_member, others)], MISSED)
        annotated = folder / "annotated"
        totals = teachers.annotate(
            self.inputs, annotated, fields=self.fields, progress=self.progress
        )
        temperature = teachers.temperature(self.dev)
        texts = list(teachers.texts(annotated, Vocab()))
        sentences = list(sentences_of(texts, teachers.spans_key))
        share = SHARES[min(number, len(SHARES)) - 1]
        selection = choose(sentences, share, recipe.seed)
        if not any(selection.taken.values()):
            return None
        path = folder / "train.spacy"
        mixture = mix(
            self.labelled, self.dev, chosen_parts(texts, selection), path, temperature=temperature
        )
        warnings = tuple(mixture.warnings())
        for warning in warnings:
            self.report(warning)
        settings = replace(recipe.settings, train=str(path))
        config = prepare(
            recipe.name, folder, settings, {**recipe.overrides, **_records(folder)},
            gpu_id=recipe.gpu_id,
        )  # fmt: skip
        f = f_on(finish_training(config, folder, gpu_id=recipe.gpu_id), self.dev)
        return Round(number, totals, temperature, selection, mixture, f, f > best_f, warnings)

    def _train_member(self, number: int) -> Path:
        """Train a pipeline like that of the run, with another seed, unless it is finished.

        number (int): Its number; that of the run is 1.
        RETURNS (Path): The folder of its training.
        """
        folder, recipe = self.output / f"member-{number}", self.recipe
        self.report(f"Training member {number} of {self.members}")
        # The recipe's steps are for more data than the run had.
        steps = {f"training.{name}" for name in STEPS}
        overrides = {name: value for name, value in recipe.overrides.items() if name not in steps}
        overrides |= {"system.seed": recipe.seed + number - 1, **_records(folder)}
        config = prepare(recipe.name, folder, recipe.settings, overrides, gpu_id=recipe.gpu_id)
        finish_training(config, folder, gpu_id=recipe.gpu_id)
        return folder


def _records(folder: Path) -> dict[str, str]:
    """RETURNS (dict[str, str]): Overrides for the records of a training in this folder."""
    return {f"paths.{name}": str(folder / file) for name, file in RECORDS.items()}


def _keep(best: Path, output: Path, result: SelfTrained) -> None:
    """Copy the best pipeline and the records of its training, and write the result."""
    shutil.rmtree(output / "model-best", ignore_errors=True)
    with new_folder(output / "model-best") as new:
        shutil.copytree(best / "model-best", new)
        meta = read_json(new / "meta.json", "train")
        write_json(new / "meta.json", {**meta, META: result.to_dict()})
    for name in KEPT:
        if (best / name).is_file():
            shutil.copy(best / name, output / name)
    write_json(output / FILE, result.to_dict())
