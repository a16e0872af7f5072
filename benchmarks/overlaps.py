"""Generate a corpus of nested entities, and compare the recipe `spans` with stock spaCy on it:
spancat over spacy-transformers' TransformerModel.v3, with the same weights, suggester, steps and
batches.

    python benchmarks/overlaps.py

writes benchmarks/results/overlaps.json: F1 of outer and inner entities, and the speed. Stock spaCy
is trained with the learning rate of `spacy init config`, and with the one of the recipe."""

import random
import re
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import median

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
# The learning rates of stock spaCy: its default, and that of the recipe.
STOCK = {"stock": 5e-5, "stock-rate": 3e-4}
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


def stock_config(path: Path, recipe: Config, steps: int, rate: float) -> None:
    """Write spaCy's config for spancat over spacy-transformers.

    path (Path): The file.
    recipe (Config): The config of our training: the suggester, the batches and the evaluations
        are the same.
    steps (int): The number of steps.
    rate (float): The initial learning rate.
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
        "initial_rate": rate,
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
        for system, rate in STOCK.items():
            stock_config(folder / f"{system}.cfg", recipe, steps, rate)
            encoder = ["--paths.encoder", resolve_encoder("minilm")]
            run("-m", "spacy", "train", folder / f"{system}.cfg", "--output", folder / system,
                *data, *encoder, *seeded)  # fmt: skip
        pipelines = {
            system: spacy.load(folder / system / "model-best") for system in ("ours", *STOCK)
        }
        test = folder / "test.spacy"
        found = {}
        for system, nlp in pipelines.items():
            result = evaluate(nlp, test)
            depth = result.slices()["depth of nesting"]
            inner = sum((counts for d, counts in depth.items() if d != "1"), Counts(0, 0, 0))
            found[system] = {
                "f": result.figures.all.f,
                "outer": depth["1"].f if "1" in depth else 0.0,
                "inner": inner.f,
            }
        docs = list(read_docbin(test, Vocab()))
        texts = [doc.text for doc in docs]
        seconds: dict[str, list[float]] = {system: [] for system in pipelines}
        for _ in range(rounds):
            for system, nlp in pipelines.items():
                seconds[system].append(seconds_for(nlp, texts))
        for system, of in found.items():
            of["words_per_second"] = round(sum(map(len, docs)) / median(seconds[system]))
        depths_of_test = Counter(
            depth
            for doc in docs
            for depth in depths((s.start, s.end, s.label_) for s in entities_in(doc)).values()
        )
        keep("overlaps", {
            "steps": steps, "seed": seed, "rounds": rounds,
            "suggester": recipe["components"]["spancat"]["suggester"]["max_size"],
            "outer": depths_of_test[1], "inner": depths_of_test.total() - depths_of_test[1],
            "rates": STOCK, "systems": found,
        })  # fmt: skip


if __name__ == "__main__":
    app()
