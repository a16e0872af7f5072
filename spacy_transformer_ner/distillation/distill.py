"""Distillation: a teacher annotates texts, and a student is trained on them and on labelled
data."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.vocab import Vocab

from ..annotation.formats import Fields
from ..annotation.manifest import Totals
from ..encoder.layers import keep_layers
from ..evaluation.evaluate import evaluate
from ..files import read_json, write_json
from ..loading import Pipeline
from ..progress import Progress, no_progress
from ..training.preflight import check_training
from ..training.recipe import encoder_of, load_recipe
from ..training.train import prepare
from ..training.trials import Recipe, finish_training
from ..unlabelled import META
from .mixture import Mixture, mix
from .teacher import Teacher, annotated_texts

SCHEMA = "spacy-transformer-ner.distillation.v1"
FILE = "distillation.json"


@dataclass(frozen=True)
class Distilled:
    """A student, and what it was trained on.

    teacher (dict[str, str]): The teacher's name, version, author, url and license, as far as its
        meta.json has them.
    annotated (Totals): The texts that it annotated.
    temperature (float): That of its distribution over the tags.
    layers (tuple[int, ...] | None): The layers that the student's encoder has of the pretrained
        one or of the teacher's; None for all.
    layers_of_teacher (bool): Whether they are the teacher's.
    mixture (Mixture): What the student was trained on.
    dev (str): The labelled data that the figures are of.
    teacher_f, student_f (float): F1 on dev.
    warnings (tuple[str, ...]): What looks wrong in the mixture.
    """

    teacher: dict[str, str]
    annotated: Totals
    temperature: float
    layers: tuple[int, ...] | None
    layers_of_teacher: bool
    mixture: Mixture
    dev: str
    teacher_f: float
    student_f: float
    warnings: tuple[str, ...]

    def to_dict(self) -> dict:
        """RETURNS (dict): All fields, for JSON."""
        return {"schema": SCHEMA, **asdict(self)}


def distill(
    teacher: Pipeline,
    inputs: Sequence[str],
    output: Path,
    recipe: Recipe,
    *,
    fields: Fields = Fields(),
    layers: str | None = None,
    progress: Progress = no_progress,
    report: Callable[[str], Any] = lambda line: None,
) -> Distilled:
    """Train a student on texts that a teacher annotates, and on labelled data if there is some.
    Call it again to resume.

    teacher (Language | str | Path): A pipeline that sets `doc.ents`, or its name or path. If it
        has a transformer_ner, the student learns its distribution over the tags.
    inputs (Sequence[str]): Files, folders and patterns of texts.
    output (Path): The folder for the student, as of `train`; also for the annotated texts, the
        training data and distillation.json.
    recipe (Recipe): What is trained. Its training data may be missing.
    fields (Fields): The columns or keys of the texts.
    layers (str | None): The layers of the encoder to keep, see `layers.keep_layers`: of the
        teacher's, if it is the recipe's after a training. None for all of the pretrained one.
    progress (Callable): Wraps the stream of annotated shards.
    report (Callable): Called with a line before each phase.
    RETURNS (Distilled): What was done, and the F1 on dev.
    RAISES: InputError if the texts or the labelled data cannot be read, or the training cannot
        start.
    """
    known = Teacher.load(teacher)
    dev = recipe.docs("dev")
    labelled = recipe.docs("train") if has_train(recipe) else []
    kept, settings = None, replace(recipe.settings, dev=recipe.path("dev"))
    if layers is not None:
        encoder = encoder_of(recipe.name, settings.encoder)
        kept = keep_layers(encoder, layers, output / "encoder", known.encoder)
        settings = replace(settings, encoder=str(output / "encoder"))
    # Annotating can take hours, so the training is checked first, with dev in place of its data.
    check_training(
        recipe.name,
        {
            **replace(settings, train=settings.dev).overrides(load_recipe(recipe.name)),
            **recipe.overrides,
        },
        gpu_id=recipe.gpu_id,
    )
    report("Annotating the texts")
    totals = known.annotate(inputs, output / "annotated", fields=fields, progress=progress)
    temperature = known.temperature(dev)
    vocab = Vocab()
    mixture = mix(
        labelled, dev, annotated_texts(output / "annotated", vocab), output / "train.spacy",
        labels=known.labels, temperature=temperature,
    )  # fmt: skip
    warnings = tuple(mixture.warnings())
    for warning in warnings:
        report(warning)
    report("Training the student")
    settings = replace(settings, train=str(output / "train.spacy"))
    config = prepare(recipe.name, output, settings, recipe.overrides, gpu_id=recipe.gpu_id)
    student = finish_training(config, output, gpu_id=recipe.gpu_id)
    result = Distilled(
        about(known.nlp), totals, temperature, None if kept is None else kept.numbers,
        kept is not None and kept.fine_tuned, mixture, settings.dev or "",
        f_on(known.nlp, dev), f_on(student, dev), warnings,
    )  # fmt: skip
    record(output, FILE, result.to_dict())
    return result


def has_train(recipe: Recipe) -> bool:
    """recipe (Recipe): A recipe.
    RETURNS (bool): Whether training data is set."""
    of_config = load_recipe(recipe.name, recipe.overrides).get("paths", {}).get("train")
    return bool(recipe.settings.train or of_config)


def f_on(nlp: Language, docs: Sequence[Doc]) -> float:
    """nlp (Language): A pipeline.
    docs (Sequence[Doc]): Labelled documents.
    RETURNS (float): The F1 of its entities, on raw text."""
    return round(evaluate(nlp, docs).figures.all.f, 4)


def about(nlp: Language) -> dict[str, str]:
    """nlp (Language): A pipeline.
    RETURNS (dict[str, str]): What its meta.json says about it, in the format of `sources` there."""
    meta = nlp.meta
    name = f"{meta['lang']}_{meta['name']}"
    known = {key: str(meta.get(key) or "") for key in ("version", "author", "url", "license")}
    return {"name": name, **{key: value for key, value in known.items() if value}}


def record(output: Path, name: str, result: dict[str, Any]) -> None:
    """Write a result beside a pipeline and into its meta.json, for its model card.

    output (Path): The folder of the training.
    name (str): The name of the file.
    result (dict): The result.
    """
    path = output / "model-best" / "meta.json"
    write_json(path, {**read_json(path, "train"), META: result})
    write_json(output / name, result)
