"""Generate a corpus of nested entities, and compare the recipe `spans` with stock spaCy on it:
spancat over spacy-transformers' TransformerModel.v3, with the same weights, suggester, steps and
batches.

    python benchmarks/overlaps.py

writes benchmarks/results/overlaps.json: F1 of outer and inner entities, and the speed. Stock spaCy
has the optimizer and the learning rate of `spacy init config`."""

import random
import re
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any

import spacy
import typer
from machine import keep, run
from spacy.language import Language
from spacy.tokens import Doc
from spacy.tokens import Span as DocSpan
from spacy.vocab import Vocab
from thinc.api import Config

from spacy_transformer_ner.corpus.convert import convert
from spacy_transformer_ner.corpus.docbin import read_docbin
from spacy_transformer_ner.corpus.export import export
from spacy_transformer_ner.corpus.options import ReadOptions
from spacy_transformer_ner.corpus.overlapping import depths, entities_in, set_entities
from spacy_transformer_ner.encoder.sources import resolve_encoder
from spacy_transformer_ner.evaluation.counts import Counts
from spacy_transformer_ner.evaluation.evaluate import evaluate

HERE = Path(__file__).parent
# The learning rate that `spacy init config` writes.
RATE = 5e-5
FIRST = "Ann Ola Marit Jonas Ingrid Peter Leila Tomas Berit Sander Hanne Viktor Nora Emil".split()
START = "Fjord Nor Holm Berg Sol Lind Elv Stor Ask Kirk Vest Sand Hav Granit Lille Bjørk".split()
END = "heim vik stad dal by havn lund sund berg nes mark voll".split()
LAST = "sen son land rud gaard strøm".split()
# The parts in braces are entities within the entity.
ENTITIES = {
    "LOC": ("{place}",),
    "PER": ("{first} {last}", "{last}"),
    "ORG": (
        "University of {LOC}", "{LOC} City Council", "{PER} Foundation", "Bank of {LOC}",
        "{LOC} Football Club", "Friends of the {FAC}", "{place} Systems", "{PER} and Partners",
        "{place} Energy",
    ),
    "FAC": (
        "{ORG} Library", "{LOC} Central Station", "{PER} Museum", "Port of {LOC}", "{LOC} Arena",
        "{place} Tower",
    ),
    "EVENT": ("{LOC} Marathon", "{ORG} Cup", "{PER} Memorial Race"),
}  # fmt: skip
SENTENCES = (
    "{PER} moved to {LOC} in May .",
    "Yesterday the {ORG} hired {PER} .",
    "The new roof of the {FAC} leaks again .",
    "{ORG} and {ORG} signed a contract in {LOC} .",
    "Nobody expected {PER} to win the {EVENT} .",
    "The {EVENT} starts in front of the {FAC} .",
    "A spokesman of the {ORG} said that the price of bread had not changed .",
    "Rain is expected in {LOC} and near {LOC} .",
    "The book was found in the {FAC} , between two maps of {LOC} .",
    "{PER} of the {ORG} met {PER} at the {EVENT} .",
    "The council of the village will meet again after the summer .",
)

# Entities within three others have no further one.
DEEPEST = 3
LABEL = re.compile("{[A-Z]+}")

Span = tuple[int, int, str]


def generate(rng: random.Random, pattern: str, depth: int = 0) -> tuple[list[str], list[Span]]:
    """rng (Random): Draws the words.
    pattern (str): Words, and entities in braces.
    depth (int): The number of entities around it.
    RETURNS (tuple[list[str], list[Span]]): Words, and entities with start and end word."""
    words: list[str] = []
    spans: list[Span] = []
    for part in pattern.split():
        label = part.strip("{}")
        if label in ENTITIES:
            flat = [choice for choice in ENTITIES[label] if not LABEL.search(choice)]
            choices = ENTITIES[label] if depth + 1 < DEEPEST else flat
            inner, within = generate(rng, rng.choice(choices), depth + 1)
            n = len(words)
            spans.append((n, n + len(inner), label))
            spans += [(n + start, n + end, name) for start, end, name in within]
            words += inner
        elif part == "{first}":
            words.append(rng.choice(FIRST))
        elif part.startswith("{"):
            words.append(rng.choice(START) + rng.choice(END if label == "place" else LAST))
        else:
            words.append(part)
    return words, spans


def write_corpus(folder: Path, sizes: dict[str, int], seed: int = 0) -> None:
    """Write a corpus in columns, one for each depth of nesting.

    folder (Path): The folder for a .tsv file of each split.
    sizes (dict[str, int]): The number of documents of each split, each with four sentences.
    seed (int): The random seed.
    """
    vocab, rng = Vocab(), random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for split, size in sizes.items():
        docs = []
        for _ in range(size):
            words: list[str] = []
            spans: list[Span] = []
            starts: list[bool] = []
            for _ in range(4):
                sentence, found = generate(rng, rng.choice(SENTENCES))
                spans += [(len(words) + a, len(words) + b, label) for a, b, label in found]
                words += sentence
                starts += [True, *([False] * (len(sentence) - 1))]
            doc = Doc(vocab, words=words, sent_starts=starts)
            entities = [DocSpan(doc, a, b, label=label) for a, b, label in spans]
            set_entities(doc, entities, overlaps=True)
            docs.append(doc)
        export(docs, folder / f"{split}.tsv")


def stock_config(path: Path, recipe: Config, steps: int) -> None:
    """Write spaCy's config for spancat over spacy-transformers.

    path (Path): The file.
    recipe (Config): The config of our training: the suggester, the batches and the evaluations
        are the same.
    steps (int): The number of steps.
    """
    config = Config().from_disk(HERE / "peers" / "stock.cfg", interpolate=False)
    ner = config["components"].pop("ner")
    spancat = {**recipe["components"]["spancat"]}
    spancat["model"] = {**spancat["model"], "tok2vec": ner["model"]["tok2vec"]}
    config["components"]["spancat"] = spancat
    config["nlp"]["pipeline"] = ["transformer", "spancat"]
    training = config["training"]
    training["batcher"] = recipe["training"]["batcher"]
    training["score_weights"] = {"spans_sc_f": 1.0}
    training |= {"accumulate_gradient": 1, "max_steps": steps}
    training["eval_frequency"] = recipe["training"]["eval_frequency"]
    training["optimizer"]["learn_rate"] = {
        "@schedules": "warmup_linear.v1",
        "warmup_steps": steps // 10,
        "total_steps": steps,
        "initial_rate": RATE,
    }
    config.to_disk(path)


def seconds_for(nlp: Language, texts: list[str]) -> float:
    """nlp (Language): A pipeline.
    texts (list[str]): The texts.
    RETURNS (float): Seconds of processor time to annotate them."""
    start = time.process_time()
    for _ in nlp.pipe(texts):
        pass
    return time.process_time() - start


app = typer.Typer(add_completion=False)


@app.command(help=__doc__)
def main(
    # fmt: off
    steps: int = typer.Option(120, help="Steps of each training"),
    seed: int = typer.Option(0, help="Random seed of the corpus and the trainings"),
    rounds: int = typer.Option(3, help="Rounds of the measurement of the speed"),
    # fmt: on
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_corpus(folder / "nested", {"train": 120, "dev": 20, "test": 60}, seed)
        convert([folder / "nested"], folder, options=ReadOptions(overlaps="spans"))
        data = ["--paths.train", folder / "train.spacy", "--paths.dev", folder / "dev.spacy"]
        few = ["--training.max_steps", steps, "--training.eval_frequency", steps // 2]
        seeded = ["--system.seed", seed]
        run(
            "-m",
            "spacy",
            "ner",
            "train",
            "spans",
            "--output",
            folder / "ours",
            *data,
            *few,
            *seeded,
        )
        recipe = Config().from_disk(folder / "ours" / "config.cfg", interpolate=False)
        stock_config(folder / "stock.cfg", recipe, steps)
        encoder = ["--paths.encoder", resolve_encoder("minilm")]
        run("-m", "spacy", "train", folder / "stock.cfg", "--output", folder / "stock",
            *data, *encoder, *seeded)  # fmt: skip
        result = measure(folder, rounds)
    keep("overlaps", {"steps": steps, "seed": seed, "rounds": rounds, **result})


def measure(folder: Path, rounds: int) -> dict[str, Any]:
    """Measure F1 on test.spacy, and the speed.

    folder (Path): The trainings `ours` and `stock`, and test.spacy.
    rounds (int): Rounds of the measurement of the speed.
    RETURNS (dict[str, Any]): The figures.
    """
    pipelines = {name: spacy.load(folder / name / "model-best") for name in ("ours", "stock")}
    docs = list(read_docbin(folder / "test.spacy", Vocab()))
    found = {}
    for system, nlp in pipelines.items():
        result = evaluate(nlp, folder / "test.spacy")
        by_depth = result.slices()["depth of nesting"]
        inner = sum((counts for d, counts in by_depth.items() if d != "1"), Counts(0, 0, 0))
        found[system] = {"f": result.figures.all.f, "outer": by_depth["1"].f, "inner": inner.f}
    texts = [doc.text for doc in docs]
    seconds: dict[str, list[float]] = {system: [] for system in pipelines}
    for _ in range(rounds):
        for system, nlp in pipelines.items():
            seconds[system].append(seconds_for(nlp, texts))
    of_ours = Config().from_disk(folder / "ours" / "config.cfg", interpolate=False)
    at_depth = Counter(
        depth
        for doc in docs
        for depth in depths((s.start, s.end, s.label_) for s in entities_in(doc)).values()
    )
    return {
        "suggester": of_ours["components"]["spancat"]["suggester"]["max_size"],
        "outer": at_depth[1],
        "inner": at_depth.total() - at_depth[1],
        "rate": RATE,
        "systems": {
            name: {**of, "words_per_second": round(sum(map(len, docs)) / median(seconds[name]))}
            for name, of in found.items()
        },
    }


if __name__ == "__main__":
    app()
