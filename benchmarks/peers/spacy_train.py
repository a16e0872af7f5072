"""Train a pipeline with any config, as `spacy train` does, and save F1 on dev over seconds of
training."""

from pathlib import Path

import spacy
import typer
from common import Stopwatch, Training, f_score, further_splits, gold_spans, read_docs
from spacy.cli._util import parse_config_overrides, setup_gpu
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training.initialize import init_nlp
from spacy.training.loop import train

from spacy_transformer_ner.corpus.docbin import unannotated
from spacy_transformer_ner.training.preflight import check_training

app = typer.Typer(add_completion=False)


@app.command(
    help=__doc__,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def main(
    # fmt: off
    ctx: typer.Context,
    config_path: Path = typer.Argument(..., help="Config"),
    corpus: Path = typer.Argument(..., help="Folder with train.spacy, dev.spacy and test.spacy"),
    output: Path = typer.Argument(..., help="Folder for model-best and result.json"),
    system: str = typer.Option("ours", help="Name of the system in the result"),
    lang: str = typer.Option("en", help="Language"),
    seed: int = typer.Option(0, help="Random seed"),
    gpu_id: int = typer.Option(-1, help="GPU ID or -1 for CPU"),
    # fmt: on
) -> None:
    overrides = {
        "paths.train": str(corpus / "train.spacy"),
        "paths.dev": str(corpus / "dev.spacy"),
        "system.seed": seed,
        "nlp.lang": lang,
        **parse_config_overrides(ctx.args, env_var=None),
    }
    config = check_training(config_path, overrides, gpu_id=gpu_id)
    setup_gpu(gpu_id, silent=True)
    nlp = init_nlp(config, use_gpu=gpu_id)
    docs = {split: read_docs(corpus, split, lang) for split in ("train", "dev", "test")}
    n_words = sum(len(doc) for doc in docs["train"])
    watch, result, seen = Stopwatch(), Training(system, seed), [0]
    evaluate, update = nlp.evaluate, nlp.update

    def timed_evaluate(*args, **kwargs):
        with watch.stopped():
            scores = evaluate(*args, **kwargs)
        result.curve.append((watch.seconds, scores["ents_f"]))
        return scores

    def counting_update(examples, *args, **kwargs):
        examples = list(examples)
        seen[0] += sum(len(example.reference) for example in examples)
        return update(examples, *args, **kwargs)

    nlp.evaluate, nlp.update = timed_evaluate, counting_update
    output.mkdir(parents=True, exist_ok=True)
    train(nlp, output, use_gpu=gpu_id)
    result.epochs = seen[0] / n_words
    best = spacy.load(output / "model-best")
    for split in ("dev", "test"):
        score(result, best, docs[split], split)
    for split in further_splits(corpus):
        result.further_f[split] = score_gold(best, read_docs(corpus, split, lang))
    result.write(output / "result.json")


def score(result: Training, nlp: Language, docs: list[Doc], split: str) -> None:
    """Add a pipeline's F1 on a split to `result`."""
    # On raw text, entities are compared by character offsets.
    texts = nlp.pipe(doc.text for doc in docs)
    characters = [
        [[(e.start_char, e.end_char, e.label_) for e in doc.ents] for doc in some]
        for some in (docs, texts)
    ]
    setattr(result, f"{split}_f_text", f_score(*characters))
    setattr(result, f"{split}_f", score_gold(nlp, docs))


def score_gold(nlp: Language, docs: list[Doc]) -> float:
    """RETURNS (float): A pipeline's F1 on the tokens and sentences of annotated Docs."""
    # Gold sentences are set: transformers' recipe also has them, one per example.
    copies = (unannotated(doc, nlp.vocab, sentences=True) for doc in docs)
    gold = [gold_spans(doc) for doc in docs]
    return f_score(gold, [gold_spans(doc) for doc in nlp.pipe(copies)])


if __name__ == "__main__":
    app()
