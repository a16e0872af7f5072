"""Check the prediction of `spacy ner learning-curve`: is the F1 of the whole training set within the
interval that is predicted from the first half of it?

    python benchmarks/learning_curve.py sample wnut17

trains the recipe on 12, 25, 50 and 100% of the training set, or of its first sentences if it is
large. Each corpus is a folder of corpus/ with train.spacy and dev.spacy. Writes
benchmarks/results/learning_curve.json. Rerun the same command to resume; corpora that were measured
before stay in the result."""

import shutil
from pathlib import Path
from typing import Any

import srsly
import typer
from corpora import LANGUAGES, first_sentences, read, write
from machine import RESULTS, ROOT, keep

from spacy_transformer_ner.corpus.docbin import count_sentences
from spacy_transformer_ner.training.learning_curve import Result, learning_curve
from spacy_transformer_ner.training.train import Settings
from spacy_transformer_ner.training.trials import Recipe

NAME = "learning_curve"
FOLDER = ROOT / "training" / "learning-curve"

app = typer.Typer(add_completion=False)


def write_part(corpus: Path, folder: Path, sentences: dict[str, int]) -> dict[str, int]:
    """Write the first sentences of a corpus.

    corpus (Path): The folder of the corpus.
    folder (Path): The folder to write.
    sentences (dict[str, int]): The number of sentences to keep of each split.
    RETURNS (dict[str, int]): The number of sentences of each split.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for split, most in sentences.items():
        docs = first_sentences(read(corpus / f"{split}.spacy"), most)
        write(docs, folder / f"{split}.spacy")
        found[split] = sum(map(count_sentences, docs))
    return found


def figures(result: Result, sentences: dict[str, int]) -> dict[str, Any]:
    """RETURNS (dict[str, Any]): The F1 of each share, and the prediction for the last one."""
    predicted, measured = result.hindcast, result.all.points[-1].f
    assert predicted is not None
    return {
        "recipe": result.recipe,
        "sentences": sentences,
        "documents": result.documents,
        "draws": result.draws,
        "f": [[round(f, 4) for f in drawn] for drawn in result.f],
        "predicted": {name: round(value, 4) for name, value in predicted.to_dict().items()},
        "measured": round(measured, 4),
        "within": predicted.low <= measured <= predicted.high,
    }


@app.command(help=__doc__)
def main(
    # fmt: off
    names: list[str] = typer.Argument(..., help="Corpora: folders of corpus/"),
    config: str = typer.Option("quick", help="The recipe"),
    sentences: int = typer.Option(400, help="Sentences of train to use, at most"),
    dev_sentences: int = typer.Option(200, help="Sentences of dev to use, at most"),
    draws: int = typer.Option(1, help="Trainings per share"),
    gpu_id: int = typer.Option(-1, help="GPU ID or -1 for CPU"),
    suffix: str = typer.Option("", help="Suffix of the result's name, e.g. for another machine"),
    # fmt: on
) -> None:
    path = RESULTS / f"{'-'.join(filter(None, (NAME, suffix)))}.json"
    corpora = srsly.read_json(path)["corpora"] if path.exists() else {}
    for name in names:
        folder = FOLDER / name
        kept = write_part(
            ROOT / "corpus" / name, folder, {"train": sentences, "dev": dev_sentences}
        )
        settings = Settings(
            train=str(folder / "train.spacy"),
            dev=str(folder / "dev.spacy"),
            lang=LANGUAGES.get(name, "en"),
        )
        recipe = Recipe(config, settings, gpu_id=gpu_id)
        result = learning_curve(recipe, folder / "curve", draws=draws, report=print)
        corpora[name] = figures(result, kept)
        keep(NAME, {"corpora": corpora}, gpu_id, suffix)
        shutil.rmtree(folder / "curve" / "trainings", ignore_errors=True)


if __name__ == "__main__":
    app()
