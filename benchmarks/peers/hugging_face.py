"""Fine-tune a token classifier like transformers' examples/pytorch/token-classification/
run_ner.py, with its defaults: Trainer, AdamW with a learning rate of 5e-5 and linear decay,
batches of 8 sentences, 3 epochs, labels on the first wordpiece of each word."""

import os
from pathlib import Path

import numpy
import torch
import typer
from common import Stopwatch, Training, f_score, further_splits, gold_spans, read_docs
from seqeval.scheme import IOB2, Entities
from spacy.tokens import Doc
from transformers import (
    AutoModelForTokenClassification,
    AutoTokenizer,
    DataCollatorForTokenClassification,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)

from spacy_transformer_ner.corpus.docbin import sentences_of
from spacy_transformer_ner.corpus.tags import write_tags
from spacy_transformer_ner.encoder.sources import resolve_encoder

IGNORED = -100

app = typer.Typer(add_completion=False)


class Sentences(torch.utils.data.Dataset):
    """The sentences of some Docs, encoded as in run_ner.py."""

    def __init__(self, docs: list[Doc], tokenizer, tag_ids: dict[str, int]):
        self.sentences = [s for doc in docs for s in sentences_of(doc) if len(s)]
        self.items = []
        for sentence in self.sentences:
            encoded = tokenizer(
                [token.text for token in sentence], is_split_into_words=True, truncation=True
            )
            tags = write_tags(len(sentence), gold_spans(sentence.as_doc()))
            labels, previous = [], None
            for word in encoded.word_ids():
                is_first = word is not None and word != previous
                labels.append(tag_ids.get(tags[word], IGNORED) if is_first else IGNORED)
                previous = word
            self.items.append({**encoded, "labels": labels})

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, i: int) -> dict:
        return self.items[i]


def score(trainer: Trainer, sentences: Sentences, names: list[str]) -> float:
    """RETURNS (float): The F1 of the entities in the tags of first wordpieces, with seqeval's
    default interpretation of tags."""
    output = trainer.predict(sentences)
    gold, found = [], []
    for sentence, item, scores in zip(sentences.sentences, sentences.items, output.predictions):
        first = numpy.flatnonzero(numpy.array(item["labels"]) != IGNORED)
        tags = [names[i] for i in scores[first].argmax(axis=-1)]
        # Truncated words have no tag.
        tags += ["O"] * (len(sentence) - len(tags))
        found.append(_lenient_spans(tags))
        gold.append(gold_spans(sentence.as_doc()))
    return f_score(gold, found)


def _lenient_spans(tags: list[str]) -> list[tuple[int, int, str]]:
    """As by seqeval's default, an I- tag after O or another label starts an entity."""
    legal, previous = [], "O"
    for tag in tags:
        follows = previous[1:] == tag[1:] and previous != "O"
        legal.append(f"B{tag[1:]}" if tag.startswith("I") and not follows else tag)
        previous = tag
    return [(e.start, e.end, e.tag) for e in Entities([legal], IOB2).entities[0]]


@app.command(help=__doc__)
def main(
    # fmt: off
    corpus: Path = typer.Argument(..., help="Folder with train.spacy, dev.spacy and test.spacy"),
    output: Path = typer.Argument(..., help="Folder for the model and result.json"),
    encoder: str = typer.Option("minilm", help="Folder, minilm, or Hugging Face hub name"),
    lang: str = typer.Option("en", help="Language"),
    seed: int = typer.Option(0, help="Random seed"),
    epochs: int = typer.Option(3, help="Number of epochs"),
    learn_rate: float = typer.Option(5e-5, help="Learning rate"),
    bf16: bool = typer.Option(False, "--bf16", help="Train in bf16 autocast"),
    gpu_id: int = typer.Option(-1, help="GPU ID or -1 for CPU"),
    # fmt: on
) -> None:
    set_seed(seed)
    source = resolve_encoder(encoder)
    docs = {split: read_docs(corpus, split, lang) for split in ("train", "dev", "test")}
    labels = sorted({ent.label_ for doc in docs["train"] for ent in doc.ents})
    names = ["O", *(f"{prefix}-{label}" for label in labels for prefix in "BI")]
    ids = {name: i for i, name in enumerate(names)}
    # As in run_ner.py: byte-level tokenizers need add_prefix_space for pretokenized words.
    tokenizer = AutoTokenizer.from_pretrained(source, use_fast=True, add_prefix_space=True)
    model = AutoModelForTokenClassification.from_pretrained(
        source, num_labels=len(names), id2label=dict(enumerate(names)), label2id=ids
    )
    sets = {split: Sentences(docs[split], tokenizer, ids) for split in docs}
    arguments = TrainingArguments(
        output_dir=str(output / "checkpoints"),
        num_train_epochs=epochs,
        learning_rate=learn_rate,
        seed=seed,
        bf16=bf16,
        use_cpu=gpu_id < 0,
        save_strategy="no",
        report_to=[],
        dataloader_pin_memory=gpu_id >= 0,
        # Default: per_device_train_batch_size=8.
        per_device_eval_batch_size=32,
    )
    result = Training("hf-bf16" if bf16 else "hf", seed, epochs=epochs)

    class Evaluate(TrainerCallback):
        def on_train_begin(self, *args, **kwargs):
            self.watch = Stopwatch()

        def on_epoch_end(self, *args, **kwargs):
            with self.watch.stopped():
                result.dev_f = score(trainer, sets["dev"], names)
                trainer.model.train()
            result.curve.append((self.watch.seconds, result.dev_f))
            print(f"{self.watch.seconds:.0f} s, dev F1 {result.dev_f:.4f}", flush=True)

    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=sets["train"],
        data_collator=DataCollatorForTokenClassification(tokenizer),
        processing_class=tokenizer,
        callbacks=[Evaluate()],
    )
    trainer.train()
    result.test_f = score(trainer, sets["test"], names)
    for split in further_splits(corpus):
        sentences = Sentences(read_docs(corpus, split, lang), tokenizer, ids)
        result.further_f[split] = score(trainer, sentences, names)
    trainer.save_model(str(output / "model"))
    result.write(output / "result.json")


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    app()
