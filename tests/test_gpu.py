"""What only a GPU can show: run with `pytest -m gpu`, or by benchmarks/gpu.py."""

import copy

import pytest
import spacy
import torch
from thinc.api import prefer_gpu, require_cpu, set_gpu_allocator
from thinc.util import has_cupy_gpu

from spacy_transformer_ner.encoder.optimizer import create_adamw

from .conftest import SENTENCES, blank_pipeline, entities, make_examples, ner

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        not (torch.cuda.is_available() and has_cupy_gpu), reason="no GPU, or no CuPy"
    ),
]
TEXTS = [text for text, _ in SENTENCES]


@pytest.fixture(autouse=True)
def gpu():
    set_gpu_allocator("pytorch")
    assert prefer_gpu(0)
    yield
    require_cpu()


def train(encoder, n_updates=60, drop=0.0, use_averages=False, **settings):
    torch.manual_seed(0)
    nlp = blank_pipeline(encoder, word_shape=True, **settings)
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    optimizer = create_adamw(3e-3, head_factor=3.0, use_averages=use_averages)
    for _ in range(n_updates):
        nlp.update(examples, sgd=optimizer, drop=drop)
    return nlp, optimizer


def gold():
    return [[(start, end, label) for start, end, label in found] for _, found in SENTENCES]


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16", "auto"])
@pytest.mark.parametrize("gradient_checkpointing", [False, True])
def test_training_and_prediction(encoders, precision, gradient_checkpointing):
    settings = {"precision": precision, "gradient_checkpointing": gradient_checkpointing}
    nlp, _ = train(encoders["wordpiece"], word_dropout=0.01, **settings)
    assert [entities(doc) for doc in nlp.pipe(TEXTS)] == gold()
    assert next(nlp.get_pipe("transformer").model.transformer.parameters()).device.type == "cuda"


def test_same_entities_on_cpu_and_gpu(encoders, tmp_path):
    """A pipeline that was trained on a GPU is loaded on a CPU, and the other way round."""
    nlp, _ = train(encoders["wordpiece"])
    texts = TEXTS + [" ".join(TEXTS) * 5]  # several windows
    expected = [entities(doc) for doc in nlp.pipe(texts)]
    nlp.to_disk(tmp_path / "gpu")
    require_cpu()
    on_cpu = spacy.load(tmp_path / "gpu")
    assert [entities(doc) for doc in on_cpu.pipe(texts)] == expected
    on_cpu.to_disk(tmp_path / "cpu")
    assert prefer_gpu(0)
    assert [entities(doc) for doc in spacy.load(tmp_path / "cpu").pipe(texts)] == expected


def test_averages(encoders):
    nlp, optimizer = train(encoders["wordpiece"], use_averages=True)
    with nlp.use_params(optimizer.averages):
        assert [entities(doc) for doc in nlp.pipe(TEXTS)] == gold()
    assert [entities(doc) for doc in nlp.pipe(TEXTS)] == gold()


def test_two_components_on_one_transformer(encoders):
    torch.manual_seed(0)
    nlp = blank_pipeline(encoders["wordpiece"])
    model = copy.deepcopy(nlp.get_pipe_config("transformer_ner"))
    nlp.add_pipe("transformer_ner", name="second", config={"model": model["model"]})
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    optimizer = create_adamw(3e-3, head_factor=3.0)
    for _ in range(60):
        losses = nlp.update(examples, sgd=optimizer)
    assert losses["second"] < 0.1 and losses["transformer_ner"] < 0.1


def test_training_resumes_and_annotates(overrides, tmp_path, monkeypatch):
    """On the command line, interrupted after the first evaluations."""
    from spacy_transformer_ner.recogniser.component import TransformerNER

    settings = {"training.max_steps": 20, "training.max_epochs": 0, **overrides}
    options = [part for key, value in settings.items() for part in (f"--{key}", str(value))]
    command = ["train", "minilm", "--gpu-id", "0", "--output", tmp_path / "run", *options]
    update, updates = TransformerNER.update, []

    def interrupt(self, *args, **kwargs):
        updates.append(1)
        if len(updates) == 9:
            raise KeyboardInterrupt
        return update(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(TransformerNER, "update", interrupt)
        assert ner(*command).returncode != 0
    done = ner(*command)
    assert done.returncode == 0 and "Resuming from" in done.stdout
    best = tmp_path / "run" / "model-best"
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS), "utf-8")
    arguments = (best, tmp_path / "texts.txt", tmp_path / "out", "--gpu-id", "0")
    assert ner("annotate", *arguments).returncode == 0
    assert any((tmp_path / "out").iterdir())
