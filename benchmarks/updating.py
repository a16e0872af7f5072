"""Measure how much a pipeline forgets when it learns a new label, and what prevents it.

    spacy project run convert . --vars.dataset conll2003
    python benchmarks/updating.py --dataset conll2003 --label MISC

A pipeline is trained on some documents without the label. Then it is updated, as in
docs/pipelines.md, on other documents in which only the new label is annotated: unchanged; with
the pipeline's own predictions added; and together with texts of the first training, annotated
by the pipeline itself, where tokens outside its predictions are either O or missing values. F1
is for exact entities on raw text of the test set. Writes
benchmarks/results/updating-<dataset>.json."""

import random
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import spacy
import typer
from machine import ROOT, keep
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from spacy.util import fix_random_seed
from wasabi import msg

from spacy_transformer_ner.corpus.reader import annotated_docs
from spacy_transformer_ner.evaluation.counts import Counts, count
from spacy_transformer_ner.evaluation.reliability import entities_of
from spacy_transformer_ner.training.recipe import find_recipe, load_recipe

# Settings of the update.
LEARN_RATE = 1e-4
STEPS = 120
BATCH = 4
# Setting of the first training.
MAX_STEPS = 400

app = typer.Typer(add_completion=False)


@app.command(help=__doc__)
def main(
    # fmt: off
    dataset: str = typer.Option("conll2003", help="Converted data set in corpus/"),
    label: str = typer.Option("MISC", help="The new label"),
    config: str = typer.Option("minilm", help="Recipe"),
    lang: str = typer.Option("en", help="Language"),
    base: int = typer.Option(100, help="Documents of the first training"),
    new: int = typer.Option(40, help="Documents with the new label"),
    rehearsal: int = typer.Option(40, help="Documents of the first training to rehearse"),
    seed: int = typer.Option(0, help="Random seed"),
    # fmt: on
) -> None:
    corpus = ROOT / "corpus" / dataset
    vocab = spacy.blank(lang).vocab
    docs = annotated_docs(corpus / "train.spacy", vocab)
    random.Random(seed).shuffle(docs)
    first, fresh = docs[:base], docs[base : base + new]
    test = annotated_docs(corpus / "test.spacy", vocab)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        dev = annotated_docs(corpus / "dev.spacy", vocab)[: base // 2]
        for name, some in (("train", first), ("dev", dev)):
            DocBin(docs=[without(doc, label) for doc in some]).to_disk(work / f"{name}.spacy")
        started = time.perf_counter()
        pipeline = train_base(find_recipe(config), work, lang, seed)
        seconds = {"first training": time.perf_counter() - started}
        f = {"before": f_scores(spacy.load(pipeline), test, label)}
        records = [(doc.text, [e for e in entities_of(doc) if e[2] == label]) for doc in fresh]
        old_texts = [doc.text for doc in first[:rehearsal]]
        ways: dict[str, Callable[[Language], list[Example]]] = {
            "new label alone": lambda nlp: [learn(nlp, *r, fill=False) for r in records],
            "filled in": lambda nlp: [learn(nlp, *r) for r in records],
            "filled in, rehearsal whole": lambda nlp: (
                [learn(nlp, *r) for r in records]
                + [rehearse(nlp, text, "outside") for text in old_texts]
            ),
            "filled in, rehearsal": lambda nlp: (
                [learn(nlp, *r) for r in records]
                + [rehearse(nlp, text, "missing") for text in old_texts]
            ),
        }
        for name, make in ways.items():
            msg.divider(name)
            fix_random_seed(seed)
            nlp = spacy.load(pipeline)
            examples = make(nlp)
            started = time.perf_counter()
            update(nlp, label, examples, seed)
            seconds[name] = time.perf_counter() - started
            f[name] = f_scores(nlp, test, label)
            print(f[name])
    result = {
        "dataset": dataset,
        "label": label,
        "config": config,
        "documents": {"first training": base, "new": new, "rehearsal": rehearsal},
        "entities": sum(len(entities) for _, entities in records),
        "learn_rate": LEARN_RATE,
        "steps": STEPS,
        "batch": BATCH,
        "seed": seed,
        "f": f,
        "seconds": {name: round(took, 1) for name, took in seconds.items()},
    }
    keep(f"updating-{dataset}", result)


def without(doc: Doc, label: str) -> Doc:
    """RETURNS (Doc): The same text, without the entities of a label."""
    copy = doc.copy()
    copy.ents = [ent for ent in doc.ents if ent.label_ != label]
    return copy


def train_base(config: Path, folder: Path, lang: str, seed: int) -> Path:
    """Train on train.spacy and dev.spacy of a folder.
    RETURNS (Path): The pipeline."""
    overrides = {
        "paths.train": str(folder / "train.spacy"),
        "paths.dev": str(folder / "dev.spacy"),
        "nlp.lang": lang,
        "system.seed": seed,
        "training.max_steps": MAX_STEPS,
    }
    nlp = init_nlp(load_recipe(config, overrides))
    train(nlp, folder)
    return folder / "model-best"


def learn(
    nlp: Language, text: str, entities: Sequence[tuple[int, int, str]], fill: bool = True
) -> Example:
    """RETURNS (Example): A text with the given entities and, with `fill`, the pipeline's other
    predictions."""
    doc = nlp.make_doc(text)
    spans = [doc.char_span(*entity) for entity in entities]
    doc.ents = [span for span in spans if span is not None]
    return Example(nlp.make_doc(text), nlp(doc) if fill else doc)


def rehearse(nlp: Language, text: str, default: str) -> Example:
    """RETURNS (Example): A text with the pipeline's predictions, and all other tokens "outside"
    or "missing"."""
    doc = nlp(text)
    doc.set_ents(list(doc.ents), default=default)
    return Example(nlp.make_doc(text), doc)


def update(nlp: Language, label: str, examples: list[Example], seed: int) -> None:
    """Learn a new label, with the same number of steps for any number of examples."""
    nlp.get_pipe("transformer_ner").add_label(label)
    optimizer = nlp.resume_training()
    optimizer.learn_rate = LEARN_RATE
    generator = random.Random(seed)
    for step in range(STEPS):
        if step * BATCH % len(examples) < BATCH:
            generator.shuffle(examples)
        start = step * BATCH % len(examples)
        nlp.update(examples[start : start + BATCH], sgd=optimizer, drop=0.1)


def f_scores(nlp: Language, docs: Sequence[Doc], label: str) -> dict[str, float]:
    """RETURNS (dict[str, float]): F1 of the old labels together and of the new one."""
    found = nlp.pipe(doc.text for doc in docs)
    counts = count((entities_of(doc), entities_of(copy)) for doc, copy in zip(docs, found))
    nothing = Counts(0, 0, 0)
    old = sum((some for name, some in counts.items() if name != label), nothing)
    return {"old": round(old.f, 4), "new": round(counts.get(label, nothing).f, 4)}


if __name__ == "__main__":
    app()
