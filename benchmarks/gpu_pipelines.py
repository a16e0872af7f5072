"""The pipelines that benchmarks/gpu.py measures: BERT-base with random weights, so that no
weights are needed, under this package's components and spaCy's own."""

from pathlib import Path

import spacy
import torch
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertForTokenClassification, PreTrainedTokenizerFast

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def make_encoder(folder: Path, texts: list[str], tiny: bool) -> Path:
    """Write a random encoder of BERT-base's size, and a tokenizer trained on some texts."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=8000, special_tokens=list(SPECIAL))
    tokenizer.train_from_iterator(texts, trainer)
    ends = [(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, ends)
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=512, **dict(zip(names, SPECIAL))
    )
    small = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = BertConfig(vocab_size=28996, **(small | {"intermediate_size": 128} if tiny else {}))
    BertForTokenClassification(config).save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


def make_pipeline(encoder: Path, docs: list[Doc], stock: bool) -> Language:
    """RETURNS (Language): A pipeline with the encoder, initialized: ours, or spaCy's own."""
    nlp = spacy.blank("en")
    if stock:
        on_gpu = torch.cuda.is_available()
        model = {
            "@architectures": "spacy-transformers.TransformerModel.v3",
            "name": str(encoder), "tokenizer_config": {"use_fast": True},
            "mixed_precision": on_gpu, "transformer_config": {}, "grad_scaler_config": {},
            "get_spans": {
                "@span_getters": "spacy-transformers.strided_spans.v1", "window": 128, "stride": 96
            },
        }  # fmt: skip
        nlp.add_pipe("transformer", config={"model": model})
        tok2vec = {
            "@architectures": "spacy-transformers.TransformerListener.v1", "grad_factor": 1.0,
            "pooling": {"@layers": "reduce_mean.v1"},
        }  # fmt: skip
        state = {
            "@architectures": "spacy.TransitionBasedParser.v2", "state_type": "ner",
            "extra_state_tokens": False, "hidden_width": 64, "maxout_pieces": 2,
            "use_upper": False, "tok2vec": tok2vec,
        }  # fmt: skip
        nlp.add_pipe("ner", config={"model": state})
    else:
        model = {
            "@architectures": "spacy-transformer-ner.TransformerModel.v1", "name": str(encoder),
            "context": 16, "word_boundaries": True, "freeze_embeddings": True,
        }  # fmt: skip
        nlp.add_pipe("transformer", config={"model": model})
        nlp.add_pipe("transformer_ner")
    nlp.add_pipe("doc_cleaner")
    nlp.initialize(lambda: examples_of(nlp, docs))
    return nlp


def examples_of(nlp: Language, docs: list[Doc]) -> list[Example]:
    return [Example(nlp.make_doc(doc.text), doc) for doc in docs]


def batches_of(docs: list[Doc], words: int) -> list[list[Doc]]:
    """RETURNS (list[list[Doc]]): Batches of at least this many words, as far as there are any."""
    batches: list[list[Doc]] = [[]]
    for doc in docs:
        if sum(map(len, batches[-1])) >= words:
            batches.append([])
        batches[-1].append(doc)
    return batches[:-1] or batches
