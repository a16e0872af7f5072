"""Generated texts and a small pipeline, for benchmarks of the overhead around the encoder."""

import json
import random
from pathlib import Path

import spacy
import torch
from spacy.training import Example
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from tokenizers.trainers import WordPieceTrainer
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from spacy_transformer_ner.encoder.optimizer import create_adamw

FIRST = ["Ann", "Marit", "Olu", "Ines", "Pavel", "Yuki", "Tariq", "Greta"]
LAST = ["Lee", "Solheim", "Adeyemi", "Duarte", "Novak", "Mori", "Haddad", "Lind"]
PLACES = ["Oslo", "Lima", "Turin", "Hanoi", "Quebec", "Accra", "Bergen", "Izmir"]
FIRMS = ["Fjordverk", "Norlund", "Castelo", "Vantix", "Belmora", "Quorra", "Lumexa", "Stavhold"]
PATTERNS = [
    "{person} leads {firm} in {place} since {word} .",
    "The {word} of {place} was {word} again {word} .",
    "{firm} bought a {word} {word} near {place} .",
    "Nobody {word} why the {word} {word} was {word} .",
    "{person} met {person} at the {word} {word} .",
    "A {word} {word} and {word} {word} {word} {word} .",
]
LABELS = {"person": "PER", "firm": "ORG", "place": "LOC"}


def sentence(chance: random.Random) -> tuple[str, list[tuple[int, int, str]]]:
    """chance (random.Random): The random number generator.
    RETURNS (tuple[str, list]): A text, and its entities by character offsets."""
    words, entities, length = [], [], 0
    for part in chance.choice(PATTERNS).split():
        kind = part.strip("{}")
        if kind == part:
            words.append(part)
        elif kind == "word":
            # As in real text, some words are new.
            rare = chance.random() < 0.05
            words.append(f"x{chance.randrange(10**8)}" if rare else f"word{chance.randrange(5000)}")
        else:
            person = f"{chance.choice(FIRST)} {chance.choice(LAST)}"
            words.append(
                person if kind == "person" else chance.choice(FIRMS if kind == "firm" else PLACES)
            )
            entities.append((length, length + len(words[-1]), LABELS[kind]))
        length += len(words[-1]) + 1
    return " ".join(words), entities


def make_texts(path: Path, texts: int) -> None:
    """path (Path): The JSON Lines file to write.
    texts (int): The number of texts."""
    chance = random.Random(0)
    with open(path, "w", encoding="utf-8") as file:
        for number in range(texts):
            file.write(json.dumps({"id": f"t{number}", "text": sentence(chance)[0]}) + "\n")


def make_pipeline(folder: Path) -> Path:
    """folder (Path): The folder to write to.
    RETURNS (Path): A small pipeline, trained on such texts."""
    chance = random.Random(1)
    learnt = [sentence(chance) for _ in range(200)]
    special = {
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
    }
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(
        [text for text, _ in learnt],
        WordPieceTrainer(vocab_size=400, special_tokens=list(special.values())),
    )
    ends = [(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=ends
    )
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)
    torch.manual_seed(0)
    encoder = BertModel(
        BertConfig(
            vocab_size=len(fast), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
            intermediate_size=64, max_position_embeddings=130,
        )
    )  # fmt: skip
    for each in (encoder, fast):
        each.save_pretrained(folder / "encoder")
    nlp = spacy.blank("en")
    model = {
        "@architectures": "spacy-transformer-ner.TransformerModel.v1",
        "name": str(folder / "encoder"), "window": 64, "context": 8, "precision": "fp32",
        "word_shape": True,
    }  # fmt: skip
    nlp.add_pipe("transformer", config={"model": model})
    nlp.add_pipe("transformer_ner")
    nlp.add_pipe("doc_cleaner")
    examples = [
        Example.from_dict(nlp.make_doc(text), {"entities": found}) for text, found in learnt
    ]
    nlp.initialize(lambda: examples)
    optimizer = create_adamw(3e-3, head_factor=3.0)
    for _ in range(10):
        for i in range(0, len(examples), 20):
            nlp.update(examples[i : i + 20], sgd=optimizer, drop=0.0)
    nlp.to_disk(folder / "pipeline")
    return folder / "pipeline"
