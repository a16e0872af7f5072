"""Measure what texts without labels give: `self-train` and `distill`.

    python benchmarks/few_labels.py --only conll2003-100,conll2003-300

Each corpus is a folder of corpus/ with train.spacy, dev.spacy and test.spacy. conll2003-N has N
labelled sentences, with 400 of dev; the other documents of its training set are the texts. For
other corpora, the texts are those of their test set. The experiments:

- a corpus, such as conll2003-300, wnut17 or politics: a pipeline trained on the labelled data,
  and the same after `self-train`;
- layers: the pipeline of all of conll2003 teaches one with half as many layers, on the texts of
  the training set;
- documents: it teaches a pipeline that has 300 labelled documents, and the others as texts;
- rules: an `entity_ruler` with the names of half of the sample's training set teaches on its
  texts. What does the student find that the rules do not have?

Writes benchmarks/results/few_labels.json. Rerun the same command to resume: finished trainings are
kept in training/few-labels/, and the result has all experiments that are finished."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean, median
from typing import Any

import spacy
import srsly
import typer
from corpora import CUT, LANGUAGES, find_corpus, part_of, read, shuffled, write
from machine import RESULTS, ROOT, keep
from spacy.language import Language
from spacy.tokens import Doc
from wasabi import msg

from spacy_transformer_ner.corpus.docbin import count_sentences
from spacy_transformer_ner.distillation.distill import distill
from spacy_transformer_ner.distillation.self_train import self_train
from spacy_transformer_ner.evaluation.evaluate import evaluate
from spacy_transformer_ner.files import write_json
from spacy_transformer_ner.loading import load_pipeline
from spacy_transformer_ner.training.train import Settings, prepare
from spacy_transformer_ner.training.trials import Recipe, finish_training

NAME = "few_labels"
FOLDER = ROOT / "training" / "few-labels"
EXPERIMENTS = (
    f"{CUT}-100", f"{CUT}-300", CUT, "wnut17", "politics", "layers", "documents", "rules",
)  # fmt: skip
LABELLED_DOCUMENTS = 300
LAYERS = "3"
# A speed is the median of so many runs.
RUNS = 5

app = typer.Typer(add_completion=False)


class Options:
    """The options of this command, and its steps. Each step writes a file, and is not repeated.

    steps (int): Training steps of the students; 0 for those of the recipe.
    texts (int): How many texts to use; 0 for all.
    rounds (int): The rounds of self-training.
    layers (str): The layers that the student keeps in the experiment "layers".
    teacher (Path | None): The pipeline of all of conll2003; None to train it.
    gpu_id (int): The GPU, or -1.
    """

    def __init__(
        self, steps: int, texts: int, rounds: int, layers: str, teacher: Path | None, gpu_id: int
    ):
        self.texts, self.rounds, self.layers, self.gpu_id = texts, rounds, layers, gpu_id
        self._teacher = teacher
        self.overrides: dict[str, Any] = (
            {"training.max_steps": steps, "training.max_epochs": 0} if steps else {}
        )
        # Other settings are other results.
        parts = [f"{name}{value}" for name, value in (("s", steps), ("t", texts)) if value]
        self.folder = FOLDER / ("-".join(parts) or "whole")

    def recipe(self, folder: Path, name: str, seed: int, *, train: bool = True) -> Recipe:
        """RETURNS (Recipe): The default recipe on the data of a folder."""
        settings = Settings(
            train=str(folder / "train.spacy") if train else None,
            dev=str(folder / "dev.spacy"),
            lang=LANGUAGES.get(name, "en"),
            seed=seed,
        )
        return Recipe("minilm", settings, self.overrides, self.gpu_id)

    def supervised(self, folder: Path, name: str, seed: int, *, whole: bool = False) -> Path:
        """RETURNS (Path): The folder of a training on labelled data only."""
        output = (FOLDER if whole else self.folder) / name / f"supervised-{seed}"
        if not (output / "done").exists():
            recipe = self.recipe(folder, name, seed)
            ready = prepare(recipe.name, output, recipe.settings, {}, gpu_id=self.gpu_id)
            finish_training(ready, output, gpu_id=self.gpu_id)
            (output / "done").touch()
        return output

    def teacher(self) -> Path:
        """RETURNS (Path): The pipeline of all of conll2003."""
        if self._teacher is not None:
            return self._teacher
        return self.supervised(ROOT / "corpus" / CUT, CUT, 0, whole=True) / "model-best"

    def write_texts(self, docs: list[Doc], path: Path) -> str:
        """RETURNS (str): A file with the texts of these Docs."""
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            records = [{"text": doc.text} for doc in docs[: self.texts or None]]
            srsly.write_jsonl(path, records)
        return str(path)


def labelled_and_others(name: str) -> tuple[Path, list[Doc]]:
    """Get the labelled data of a corpus, and the documents whose texts are used.

    name (str): The corpus, or conll2003-N for N of its sentences.
    RETURNS (tuple[Path, list[Doc]]): The folder of the labelled data, and the other documents.
    """
    folder = find_corpus(name)
    if part_of(name) is None:
        return folder, read(folder / "test.spacy")
    others = shuffled(read(ROOT / "corpus" / CUT / "train.spacy"))
    return folder, others[len(read(folder / "train.spacy")) :]


def figures(pipeline: Path, folder: Path) -> dict[str, float]:
    """RETURNS (dict[str, float]): The F1 of a pipeline on dev and test."""
    nlp = load_pipeline(pipeline)
    return {
        f"{split}_f": round(evaluate(nlp, folder / f"{split}.spacy").figures.all.f, 4)
        for split in ("dev", "test")
    }


def of_corpus(name: str, seed: int, options: Options) -> dict[str, Any]:
    """RETURNS (dict): The F1 before and after self-training."""
    output = options.folder / name
    folder, others = labelled_and_others(name)
    texts = options.write_texts(others, output / "texts.jsonl")
    run = options.supervised(folder, name, seed)
    after = self_train(
        run, [texts], output / f"self-{seed}", overrides=options.overrides,
        rounds=options.rounds, gpu_id=options.gpu_id, report=msg.divider,
    )  # fmt: skip
    return {
        "sentences": sum(map(count_sentences, read(folder / "train.spacy"))),
        "texts": len(list(srsly.read_jsonl(texts))),
        "supervised": figures(run / "model-best", folder),
        "self-trained": figures(output / f"self-{seed}" / "model-best", folder),
        "rounds": [
            {key: each[key] for key in ("f", "gained", "temperature", "warnings")}
            | {"taken": each["selection"]["taken"]}
            for each in after.rounds
        ],
    }


def distilled(
    name: str,
    seed: int,
    options: Options,
    folder: Path,
    texts: str,
    layers: str | None,
    train: bool,
) -> dict[str, Any]:
    """RETURNS (dict): The F1 and speed of the teacher and of a student."""
    output = options.folder / name / f"student-{seed}"
    recipe = options.recipe(folder, CUT, seed, train=train)
    found = distill(
        options.teacher(), [texts], output, recipe, layers=layers, report=msg.divider
    )  # fmt: skip
    pipelines = {"teacher": options.teacher(), "student": output / "model-best"}
    speeds = words_per_second({k: load_pipeline(v) for k, v in pipelines.items()}, folder)
    return {
        "temperature": found.temperature,
        "layers": found.layers,
        "texts": found.mixture.texts,
        "labelled": found.mixture.labelled,
        **{name: figures(path, folder) for name, path in pipelines.items()},
        "words_per_second": speeds,
        "times_as_fast": round(speeds["student"] / speeds["teacher"], 2),
    }


def words_per_second(pipelines: dict[str, Language], folder: Path) -> dict[str, int]:
    """RETURNS (dict[str, int]): The speed of each pipeline on test, measured in turn."""
    docs = read(folder / "test.spacy")
    texts, words = [doc.text for doc in docs], sum(map(len, docs))
    found: dict[str, list[float]] = {name: [] for name in pipelines}
    for _ in range(RUNS):
        for name, nlp in pipelines.items():
            start = time.perf_counter()
            for _ in nlp.pipe(texts):
                pass
            found[name].append(words / (time.perf_counter() - start))
    return {name: round(median(speeds)) for name, speeds in found.items()}


def of_layers(name: str, seed: int, options: Options) -> dict[str, Any]:
    """RETURNS (dict): A student with fewer layers, on the texts of the training set."""
    folder = ROOT / "corpus" / CUT
    texts = options.write_texts(read(folder / "train.spacy"), options.folder / name / "texts.jsonl")
    return distilled(
        f"{name}-{options.layers}", seed, options, folder, texts, options.layers, False
    )


def of_documents(name: str, seed: int, options: Options) -> dict[str, Any]:
    """RETURNS (dict): A student with gold labels for some documents, and texts for the rest."""
    corpus, folder = ROOT / "corpus" / CUT, options.folder / name / "labelled"
    docs = shuffled(read(corpus / "train.spacy"))
    others = docs[LABELLED_DOCUMENTS:]
    shutil.copytree(corpus, folder, dirs_exist_ok=True)
    write(docs[:LABELLED_DOCUMENTS], folder / "train.spacy")
    texts = options.write_texts(others, options.folder / name / "texts.jsonl")
    return distilled(name, seed, options, folder, texts, None, True)


def of_rules(name: str, seed: int, options: Options) -> dict[str, Any]:
    """RETURNS (dict): What a student finds that its teacher of rules does not."""
    output, folder = options.folder / name, ROOT / "corpus" / "sample"
    docs = read(folder / "train.spacy")
    nlp = spacy.blank("en")
    names = {ent.text: ent.label_ for doc in docs[::2] for ent in doc.ents}
    patterns = [{"label": label, "pattern": text} for text, label in sorted(names.items())]
    nlp.add_pipe("entity_ruler").add_patterns(patterns)  # type: ignore[attr-defined]
    if not (output / "rules").exists():
        output.mkdir(parents=True, exist_ok=True)
        nlp.to_disk(output / "rules")
    texts = options.write_texts(docs, output / "texts.jsonl")
    student = output / f"student-{seed}"
    recipe = options.recipe(folder, "sample", seed, train=False)
    distill(output / "rules", [texts], student, recipe, report=msg.divider)
    gold = read(folder / "test.spacy")
    found = {
        who: _entities(load_pipeline(path), gold)
        for who, path in (("rules", output / "rules"), ("student", student / "model-best"))
    }
    right = {(i, *entity) for i, doc in enumerate(gold) for entity in _places(doc)}
    return {
        "names": len(names),
        "texts": len(list(srsly.read_jsonl(texts))),
        "entities": len(right),
        "rules": figures(output / "rules", folder),
        "student": figures(student / "model-best", folder),
        "right": {who: len(of & right) for who, of in found.items()},
        "right_of_student_only": len((found["student"] - found["rules"]) & right),
    }


def _entities(nlp: Language, docs: list[Doc]) -> set[tuple]:
    piped = nlp.pipe([doc.text for doc in docs])
    return {(i, *entity) for i, doc in enumerate(piped) for entity in _places(doc)}


def _places(doc: Doc) -> list[tuple[int, int, str]]:
    return [(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents]


OTHERS: dict[str, Callable[[str, int, Options], dict[str, Any]]] = {
    "layers": of_layers,
    "documents": of_documents,
    "rules": of_rules,
}


def summary(name: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """RETURNS (dict): The means over the seeds of each F1, and all runs."""
    means = {
        who: {figure: round(mean(run[who][figure] for run in runs), 4) for figure in of}
        for who, of in runs[0].items()
        if isinstance(of, dict) and "test_f" in of
    }
    return {"seeds": len(runs), "means": means, "runs": runs}


@app.command(help=__doc__)
def main(
    # fmt: off
    only: str = typer.Option("", help="Experiments, separated by commas"),
    seeds: int = typer.Option(3, help="Number of seeds"),
    steps: int = typer.Option(0, help="Training steps of the students; the recipe's if 0"),
    texts: int = typer.Option(0, help="How many texts to use; all if 0"),
    rounds: int = typer.Option(3, help="Rounds of self-training"),
    layers: str = typer.Option(LAYERS, help="Layers to keep in the experiment layers"),
    teacher: Path = typer.Option(None, help="Pipeline of all of conll2003; trained if not given"),
    gpu_id: int = typer.Option(-1, help="GPU ID or -1 for CPU"),
    suffix: str = typer.Option("", help="Suffix of the result's name, e.g. for another machine"),
    # fmt: on
) -> None:
    options = Options(steps, texts, rounds, layers, teacher, gpu_id)
    path = RESULTS / f"{'-'.join(filter(None, (NAME, suffix)))}.json"
    kept = srsly.read_json(path)["experiments"] if path.exists() else {}
    for name in only.split(",") if only else EXPERIMENTS:
        runs = []
        for seed in range(seeds):
            file = options.folder / name / f"result-{seed}.json"
            if not file.exists():
                msg.divider(f"{name}, seed {seed}")
                write_json(file, OTHERS.get(name, of_corpus)(name, seed, options))
            runs.append(srsly.read_json(file))
            settings = {"steps": steps or "of the recipe", "text_limit": texts or None}
            key = "-".join(filter(None, (name, *options.folder.name.split("whole"))))
            kept[key] = {**settings, **summary(name, runs)}
            keep(NAME, {"experiments": kept}, gpu_id, suffix)


if __name__ == "__main__":
    app()
