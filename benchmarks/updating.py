"""Measure what a pipeline forgets when it learns a new label, and what helps.

    spacy project run convert . --vars.dataset conll2003
    python benchmarks/updating.py --dataset conll2003 --label MISC

A pipeline is trained on some documents without the label. Then it is updated, as in
docs/pipelines.md, on other documents in which only the label is annotated: as they are;
with the entities that the pipeline finds in them filled in; and with documents of its
own training beside them, annotated by the pipeline itself. F1 is on raw text of the test
set, entities exact. Writes benchmarks/results/updating-<dataset>.json."""

import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import spacy
import typer
from machine import ROOT, keep
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from spacy.util import fix_random_seed, minibatch
from wasabi import msg

from spacy_transformer_ner.corpus.docbin import read_annotated
from spacy_transformer_ner.evaluation.confidence import entities_of
from spacy_transformer_ner.evaluation.counts import Counts, count
from spacy_transformer_ner.running.recipe import load_recipe

# Of the update.
LEARN_RATE = 1e-4
EPOCHS = 8
BATCH = 4

app = typer.Typer(add_completion=False)


@app.command(help=__doc__)
def main(
    # fmt: off
    dataset: str = typer.Option("conll2003", help="A folder of corpus/, converted"),
    label: str = typer.Option("MISC", help="The label that is new"),
    config: str = typer.Option("minilm", help="A recipe of configs/"),
    lang: str = typer.Option("en", help="Language"),
    base: int = typer.Option(200, help="Documents of the first training"),
    new: int = typer.Option(50, help="Documents with the new label"),
    rehearsal: int = typer.Option(50, help="Documents of the first training that are seen again"),
    seed: int = typer.Option(0, help="Seed"),
    # fmt: on
) -> None:
    corpus = ROOT / "corpus" / dataset
    vocab = spacy.blank(lang).vocab
    docs = read_annotated(corpus / "train.spacy", vocab)
    random.Random(seed).shuffle(docs)
    first, fresh = docs[:base], docs[base : base + new]
    test = read_annotated(corpus / "test.spacy", vocab)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for name, some in (("train", first), ("dev", read_annotated(corpus / "dev.spacy", vocab))):
            DocBin(docs=[without(doc, label) for doc in some]).to_disk(work / f"{name}.spacy")
        started = time.perf_counter()
        pipeline = train_base(ROOT / "configs" / f"{config}.cfg", work, lang, seed)
        seconds = {"first training": time.perf_counter() - started}
        f = {"before": f_scores(spacy.load(pipeline), test, label)}
        for name, filled, texts in (
            ("new label alone", False, []),
            ("filled in", True, []),
            ("filled in, rehearsal", True, [doc.text for doc in first[:rehearsal]]),
        ):
            msg.divider(name)
            fix_random_seed(seed)
            nlp = spacy.load(pipeline)
            records = [(doc.text, [e for e in entities_of(doc) if e[2] == label]) for doc in fresh]
            examples = [make_example(nlp, *record, filled) for record in records]
            examples += [make_example(nlp, text, [], True) for text in texts]
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
        "learn_rate": LEARN_RATE,
        "epochs": EPOCHS,
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
    overrides = {f"paths.{name}": str(folder / f"{name}.spacy") for name in ("train", "dev")}
    nlp = init_nlp(load_recipe(config, {**overrides, "nlp.lang": lang, "system.seed": seed}))
    train(nlp, folder)
    return folder / "model-best"


def make_example(
    nlp: Language, text: str, entities: Sequence[tuple[int, int, str]], filled: bool
) -> Example:
    """RETURNS (Example): A text with the entities given and, if it is to be filled in,
    those that the pipeline finds beside them."""
    doc = nlp.make_doc(text)
    spans = [doc.char_span(*entity) for entity in entities]
    doc.ents = [span for span in spans if span is not None]
    return Example(nlp.make_doc(text), nlp(doc) if filled else doc)


def update(nlp: Language, label: str, examples: list[Example], seed: int) -> None:
    """Learn a new label."""
    nlp.get_pipe("transformer_ner").add_label(label)
    optimizer = nlp.resume_training()
    optimizer.learn_rate = LEARN_RATE
    generator = random.Random(seed)
    for _ in range(EPOCHS):
        generator.shuffle(examples)
        for batch in minibatch(examples, BATCH):
            nlp.update(batch, sgd=optimizer, drop=0.1)


def f_scores(nlp: Language, docs: Sequence[Doc], label: str) -> dict[str, float]:
    """RETURNS (dict[str, float]): F1 of the old labels together and of the new one."""
    found = nlp.pipe(doc.text for doc in docs)
    counts = count((entities_of(doc), entities_of(copy)) for doc, copy in zip(docs, found))
    nothing = Counts(0, 0, 0)
    old = sum((some for name, some in counts.items() if name != label), nothing)
    return {"old": round(old.f, 4), "new": round(counts.get(label, nothing).f, 4)}


if __name__ == "__main__":
    app()
