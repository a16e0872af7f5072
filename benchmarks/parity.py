"""Check that checkpoints imported from transformers, and exported to it, give the same results.

    python benchmarks/parity.py --pipeline training/sample-minilm-default-0/model-best
    python benchmarks/parity.py --dataset conll2003 --checkpoint training/compare/conll2003-minilm/hf-0/model --pipeline training/conll2003-minilm-default-0/model-best

Small encoders of each architecture are trained on the sample, as in transformers' run_ner.py,
or trained checkpoints are used. Each is imported and exported again. Compared on the test set:
the scores of all words; the entities with those of transformers' pipeline with
aggregation_strategy="first", on its words, in sentences where its tags are valid; and the
scores of the exported checkpoint. For pipelines of this package, which have inputs that
transformers lacks, F1 on dev is compared before and after the export. Writes
benchmarks/results/parity-<dataset>.json."""

import random
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import List, Optional

import numpy
import torch
import typer
from machine import ROOT, keep
from spacy.language import Language
from spacy.tokens import Doc, Span
from tokenizers.implementations import (
    BertWordPieceTokenizer,
    ByteLevelBPETokenizer,
    SentencePieceUnigramTokenizer,
)
from tokenizers.processors import TemplateProcessing
from transformers import (
    AutoModelForTokenClassification,
    AutoTokenizer,
    BertConfig,
    DataCollatorForTokenClassification,
    DebertaV2Config,
    DistilBertConfig,
    ElectraConfig,
    PreTrainedTokenizerFast,
    RobertaConfig,
    XLMRobertaConfig,
    get_linear_schedule_with_warmup,
    pipeline,
    set_seed,
)
from wasabi import msg

from spacy_transformer_ner.corpus.docbin import blank, sentences_of
from spacy_transformer_ner.corpus.reader import annotated_docs
from spacy_transformer_ner.corpus.tags import write_tags
from spacy_transformer_ner.exchange.export_hf import export_pipeline
from spacy_transformer_ner.exchange.import_hf import import_pipeline
from spacy_transformer_ner.loading import load_pipeline
from spacy_transformer_ner.recogniser.constraints import tag_names

SHAPE = {
    "hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 256,
    "max_position_embeddings": 514,
}  # fmt: skip
DISTIL = {"dim": 128, "n_layers": 2, "n_heads": 4, "hidden_dim": 256}
DEBERTA = {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_buckets": 64}
SHAPES = {
    "BERT": (BertConfig, "wordpiece", SHAPE),
    "DistilBERT": (DistilBertConfig, "wordpiece", DISTIL),
    "RoBERTa": (RobertaConfig, "byte-bpe", SHAPE),
    "ELECTRA": (ElectraConfig, "wordpiece", {**SHAPE, "embedding_size": 64}),
    "DeBERTa-v3": (DebertaV2Config, "unigram", {**SHAPE, **DEBERTA}),
    "XLM-R": (XLMRobertaConfig, "unigram", SHAPE),
}
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
STEPS = 300
BATCH = 16
LEARN_RATE = 1e-3

app = typer.Typer(add_completion=False)


@dataclass
class Parity:
    """The result of a comparison.

    words (int): The number of words whose scores are compared.
    emissions (float): The largest difference of a score after the import.
    entities (int): The checkpoint's entities in sentences where its tags are valid.
    differing (int): The entities that only one of the two predicts there.
    illegal (int): Sentences excluded because the checkpoint's tags are invalid.
    blanks (int): Sentences excluded because transformers' pipeline uses a wordpiece of
        whitespace as the first of a word.
    exported (float): The largest difference of a score after the export.
    """

    words: int
    emissions: float
    entities: int
    differing: int
    illegal: int
    blanks: int
    exported: float


@app.command(help=__doc__)
def main(
    # fmt: off
    dataset: str = typer.Option("sample", help="Converted data set in corpus/"),
    checkpoint: Optional[List[Path]] = typer.Option(
        None, help="Trained token classifier, instead of those trained here; can be repeated"
    ),
    pipelines: Optional[List[Path]] = typer.Option(
        None, "--pipeline", help="Pipeline of this package to export; can be repeated"
    ),
    lang: str = typer.Option("en", help="Language"),
    limit: int = typer.Option(1000, help="Sentences of the test set"),
    # fmt: on
) -> None:
    corpus = ROOT / "corpus" / dataset
    found: dict[str, dict] = {}
    test = sentences(corpus / "test.spacy", lang)[:limit]
    with tempfile.TemporaryDirectory() as folder:
        checkpoints = {str(path): path for path in checkpoint or ()}
        if not checkpoints:
            train = sentences(corpus / "train.spacy", lang)
            for name in SHAPES:
                checkpoints[name] = train_checkpoint(name, train, test, Path(folder, name))
        for name, path in checkpoints.items():
            parity = compare(path, test, lang, Path(folder, "exported", Path(name).name))
            found[name] = asdict(parity)
            msg.good(f"{name}: {parity}")
        exports = {
            str(path): export_pipeline(
                load_pipeline(path),
                Path(folder, f"pipeline-{i}"),
                train=corpus / "train.spacy",
                dev=corpus / "dev.spacy",
            ).to_dict()
            for i, path in enumerate(pipelines or ())
        }
    result = {
        "dataset": dataset, "sentences": len(test), "checkpoints": found, "pipelines": exports,
    }  # fmt: skip
    keep(f"parity-{dataset}", result)


def sentences(path: Path, lang: str) -> list[Span]:
    """RETURNS (list[Span]): The sentences of a corpus."""
    docs = annotated_docs(path, blank(lang).vocab)
    return [span for doc in docs for span in sentences_of(doc) if len(span)]


def train_checkpoint(name: str, train: Sequence[Span], test: Sequence[Span], folder: Path) -> Path:
    """Train a small encoder from random weights. Its tokenizer is also trained on the test set,
    to have no unknown words, as those of the hub. RETURNS (Path): The folder."""
    set_seed(0)
    config_class, family, shape = SHAPES[name]
    tokenizer = train_tokenizer(family, [span.text for span in (*train, *test)])
    labels = sorted({ent.label_ for span in train for ent in span.ents})
    tags = ["O", *(f"{prefix}-{label}" for label in labels for prefix in "BI")]
    config = config_class(
        vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id, num_labels=len(tags),
        id2label=dict(enumerate(tags)), label2id={tag: i for i, tag in enumerate(tags)}, **shape,
    )  # fmt: skip
    model = AutoModelForTokenClassification.from_config(config)
    items = [encode(span, tokenizer, config.label2id) for span in train]
    collate = DataCollatorForTokenClassification(tokenizer)
    optimizer = torch.optim.AdamW(model.parameters(), LEARN_RATE)
    schedule = get_linear_schedule_with_warmup(optimizer, STEPS // 10, STEPS)
    for _ in range(STEPS):
        loss = model(**collate(random.sample(items, BATCH))).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    print(f"{name}: loss {loss.item():.3f}", flush=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def train_tokenizer(family: str, texts: Sequence[str]) -> PreTrainedTokenizerFast:
    """RETURNS (PreTrainedTokenizerFast): A tokenizer of a family, trained on texts."""
    if family == "wordpiece":
        tokenizer = BertWordPieceTokenizer(lowercase=False)
        tokenizer.train_from_iterator(texts, vocab_size=4000, special_tokens=SPECIAL)
    elif family == "byte-bpe":
        tokenizer = ByteLevelBPETokenizer(add_prefix_space=True)
        tokenizer.train_from_iterator(texts, vocab_size=4000, special_tokens=SPECIAL)
    else:
        tokenizer = SentencePieceUnigramTokenizer()
        tokenizer.train_from_iterator(
            texts, vocab_size=4000, special_tokens=SPECIAL, unk_token="[UNK]"
        )
    backend = tokenizer._tokenizer
    backend.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_max_length=512,
        model_input_names=["input_ids", "attention_mask"],
        # As run_ner.py loads and saves RoBERTa tokenizers.
        add_prefix_space=True,
        **dict(zip(names, SPECIAL)),
    )


def encode(span: Span, tokenizer: PreTrainedTokenizerFast, ids: dict[str, int]) -> dict:
    """RETURNS (dict): A sentence, encoded as in run_ner.py."""
    encoded = tokenizer([token.text for token in span], is_split_into_words=True, truncation=True)
    tags = write_tags(len(span), [(e.start, e.end, e.label_) for e in span.as_doc().ents])
    first = dict(firsts(encoded.word_ids()))
    labels = [-100] * len(encoded["input_ids"])
    for word, place in first.items():
        labels[place] = ids[tags[word]]
    return {**encoded, "labels": labels}


def firsts(word_ids: Sequence[Optional[int]]) -> Iterator[tuple[int, int]]:
    """YIELDS (tuple[int, int]): Each word, and the index of its first wordpiece."""
    previous = None
    for place, word in enumerate(word_ids):
        if word is not None and word != previous:
            yield word, place
        previous = word


def compare(path: Path, test: Sequence[Span], lang: str, exported: Path) -> Parity:
    """Import a checkpoint, export it again, and compare all three."""
    nlp = import_pipeline(str(path), lang, scheme="bio")
    tokenizer = AutoTokenizer.from_pretrained(path)
    model = AutoModelForTokenClassification.from_pretrained(path).eval()
    export_pipeline(nlp, exported)
    again = AutoModelForTokenClassification.from_pretrained(exported).eval()
    tags = [model.config.id2label[i] for i in range(model.config.num_labels)]
    order = [again.config.label2id[tag] for tag in tags]
    names = tag_names(nlp.get_pipe("transformer_ner").labels)
    ours = [names.index(tag) for tag in tags]
    words, emissions, round_trip = 0, 0.0, 0.0
    for span in test:
        batch = tokenizer([t.text for t in span], is_split_into_words=True, return_tensors="pt")
        places = dict(firsts(batch.word_ids()))
        if batch.input_ids.shape[1] > 512 or not places:
            continue
        with torch.inference_mode():
            logits, copied = (m(**batch).logits[0].numpy() for m in (model, again))
        round_trip = max(round_trip, float(numpy.abs(copied[:, order] - logits).max()))
        scores = _emissions(nlp, Doc(nlp.vocab, words=[t.text for t in span]))
        # Words of invisible characters have no wordpiece.
        difference = scores[list(places)][:, ours] - logits[list(places.values())]
        emissions = max(emissions, float(numpy.abs(difference).max()))
        words += len(places)
    return Parity(
        words, emissions, *_compare_entities(nlp, path, tokenizer, test), exported=round_trip
    )


def _emissions(nlp: Language, doc: Doc) -> numpy.ndarray:
    nlp.get_pipe("transformer")(doc)
    return nlp.get_pipe("transformer_ner").model.predict([doc])[0]


def _compare_entities(
    nlp: Language, path: Path, tokenizer: PreTrainedTokenizerFast, test: Sequence[Span]
) -> tuple[int, int, int, int]:
    first = pipeline(
        "token-classification", model=str(path), tokenizer=tokenizer, aggregation_strategy="first"
    )
    pieces = pipeline(
        "token-classification", model=str(path), tokenizer=tokenizer, aggregation_strategy="none"
    )
    entities = differing = illegal = blanks = 0
    for span in test:
        text = span.text
        found = pieces(text, ignore_labels=[])
        groups = list(_words(text, found, tokenizer))
        tags = [found[start]["entity"] for start, _ in groups]
        places = [_trimmed(text, found[a]["start"], found[b - 1]["end"]) for a, b in groups]
        ends = [0, *(end for _, end in places)]
        if any(start >= end or start < before for before, (start, end) in zip(ends, places)):
            blanks += 1
            continue
        if not _is_legal(tags):
            illegal += 1
            continue
        expected = {(*_trimmed(text, e["start"], e["end"]), e["entity_group"]) for e in first(text)}
        doc = _doc(nlp, text, places)
        for _, pipe in nlp.pipeline:
            doc = pipe(doc)
        got = {(e.start_char, e.end_char, e.label_) for e in doc.ents}
        entities += len(expected)
        differing += len(expected ^ got)
    return entities, differing, illegal, blanks


def _words(
    text: str, found: list[dict], tokenizer: PreTrainedTokenizerFast
) -> Iterator[tuple[int, int]]:
    """YIELDS (tuple[int, int]): The wordpieces of each word, as grouped by transformers'
    pipeline: by their prefix, or else by spaces."""
    prefix = getattr(tokenizer.backend_tokenizer.model, "continuing_subword_prefix", None)
    start = 0
    for i in range(1, len(found) + 1):
        if i < len(found):
            piece = found[i]
            continues = (
                piece["word"].startswith(prefix)
                if prefix
                else piece["start"] > 0 and " " not in text[piece["start"] - 1 : piece["start"] + 1]
            )
            if continues:
                continue
        yield start, i
        start = i


def _doc(nlp: Language, text: str, places: Sequence[tuple[int, int]]) -> Doc:
    following = [start for start, _ in places[1:]] + [len(text)]
    return Doc(
        nlp.vocab,
        words=[text[start:end] for start, end in places],
        spaces=[end < start for (_, end), start in zip(places, following)],
    )


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Remove surrounding whitespace: some tokenizers include the space before a word."""
    part = text[start:end]
    return start + len(part) - len(part.lstrip()), end - len(part) + len(part.rstrip())


def _is_legal(tags: Sequence[str]) -> bool:
    """Whether every I- follows a B- or I- of its type."""
    return not any(
        tag.startswith("I-") and before[1:] != tag[1:] for before, tag in zip(["O", *tags], tags)
    )


if __name__ == "__main__":
    app()
