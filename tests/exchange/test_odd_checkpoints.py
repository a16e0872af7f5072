"""Damaged, incompatible or malicious checkpoints and saved pipelines: each raises one error or
is read correctly, and none of its code runs."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy
import pytest
import srsly
import torch
from safetensors.torch import load_file, save, save_file
from spacy.training import Example
from transformers import (
    AlbertConfig,
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForTokenClassification,
    AutoTokenizer,
    BertConfig,
    DebertaV2Config,
    DistilBertConfig,
    ElectraConfig,
    ModernBertConfig,
    MPNetConfig,
)

from spacy_transformer_ner.encoder.network import InputOptions
from spacy_transformer_ner.encoder.storage import from_parts, load_pretrained, to_parts
from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.exchange.export_hf import find_encoder
from spacy_transformer_ner.exchange.import_hf import import_pipeline
from spacy_transformer_ner.loading import load_pipeline

from ..conftest import ROOT, SENTENCES, SHAPE, blank_pipeline
from .test_import_hf import BIO, DISTIL, starting_with

TEXT = SENTENCES[0][0]
WEIGHTS, CONFIG = "model.safetensors", "config.json"
TOKENIZER, TOKENIZER_CONFIG = "tokenizer.json", "tokenizer_config.json"
INDEX = "model.safetensors.index.json"
LAYER = "bert.encoder.layer.1.output.dense.weight"
WORDS = "bert.embeddings.word_embeddings.weight"
# Leaves a marker file if it runs.
CODE = "import os, pathlib\npathlib.Path(os.environ['MARKER']).touch()\n"
Damage = Callable[[Path], object]


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    return starting_with(tmp_path_factory.mktemp("sound") / "checkpoint", "B")


@pytest.fixture(scope="module")
def sound_vectors(sound) -> tuple[numpy.ndarray, numpy.ndarray]:
    """The vectors of the encoder and of the imported classifier."""
    return vectors_of(initialised(sound)), vectors_of(import_pipeline(str(sound)))


def vectors_of(nlp) -> numpy.ndarray:
    return nlp.get_pipe("transformer").model.predict([nlp.make_doc(TEXT)]).vectors[0]


def initialised(folder: Path):
    nlp = blank_pipeline(folder)
    nlp.initialize(lambda: [Example.from_dict(nlp.make_doc("a"), {"entities": [(0, 1, "A")]})])
    return nlp


def settings(name: str, **values: object) -> Damage:
    """Change a JSON file; None removes a setting."""

    def damage(folder: Path) -> None:
        content = {**srsly.read_json(folder / name), **values}
        kept = {key: value for key, value in content.items() if value is not None}
        srsly.write_json(folder / name, kept)

    return damage


def written(name: str, content: bytes) -> Damage:
    return lambda folder: (folder / name).write_bytes(content)


def cut(name: str, part: float) -> Damage:
    def damage(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: int(len(content) * part)])

    return damage


def removed(*names: str) -> Damage:
    return lambda folder: [(folder / name).unlink() for name in names]


def tensors(change: Callable[[dict], object]) -> Damage:
    """Change the weights in place, or replace them."""

    def damage(folder: Path) -> None:
        weights = load_file(folder / WEIGHTS)
        save_file(change(weights) or weights, folder / WEIGHTS, metadata={"format": "pt"})

    return damage


def one(name: str, change: Callable[[torch.Tensor], torch.Tensor]) -> Damage:
    return tensors(lambda weights: weights.update({name: change(weights[name]).contiguous()}))


def with_value(value: float) -> Callable[[torch.Tensor], torch.Tensor]:
    def change(tensor: torch.Tensor) -> torch.Tensor:
        tensor.view(-1)[-1] = value  # in the row of the last wordpiece, which few texts have
        return tensor

    return change


def renamed(change: Callable[[str], str]) -> Damage:
    return tensors(lambda weights: {change(name): tensor for name, tensor in weights.items()})


def dropped(part: str) -> Damage:
    return tensors(lambda weights: {n: t for n, t in weights.items() if part not in n})


def in_shards(folder: Path) -> None:
    AutoModelForTokenClassification.from_pretrained(folder).save_pretrained(
        folder, max_shard_size="20KB"
    )
    (folder / WEIGHTS).unlink()
    assert (folder / INDEX).is_file()


def after_shards(damage: Damage) -> Damage:
    return lambda folder: (in_shards(folder), damage(folder))


def shard(name: str) -> Damage:
    """Move a tensor to another file in the index."""

    def damage(folder: Path) -> None:
        index = srsly.read_json(folder / INDEX)
        index["weight_map"][LAYER] = name
        srsly.write_json(folder / INDEX, index)

    return after_shards(damage)


def one_shard_less(folder: Path) -> None:
    next(folder.glob("model-00002-*.safetensors")).unlink()


def more_wordpieces(folder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["Heimdall"])
    tokenizer.save_pretrained(folder)


def without_special_wordpieces(folder: Path) -> None:
    content = json.loads((folder / TOKENIZER).read_bytes())
    content["post_processor"] = None
    srsly.write_json(folder / TOKENIZER, content)


def code(config: str, auto_map: dict, **values: object) -> Damage:
    def damage(folder: Path) -> None:
        settings(config, auto_map=auto_map, **values)(folder)
        (folder / "evil.py").write_text(CODE)

    return damage


MODEL_CODE = {
    "AutoConfig": "evil.Config",
    "AutoModel": "evil.Model",
    "AutoModelForTokenClassification": "evil.Model",
}
TOKENIZER_CODE = {"AutoTokenizer": ["evil.Tokenizer", "evil.Tokenizer"]}
OUTPUTS = dict(enumerate(BIO))

# The damage, and the error message; None if the checkpoint is read correctly.
CASES: dict[str, tuple[Damage, str | None]] = {
    # Tensors
    "nothing": (lambda folder: None, None),
    "no tensors": (tensors(lambda weights: {"x": torch.ones(1)}), "lacks .* It has x instead"),
    "a tensor missing": (dropped(LAYER), "lacks 1 of the weights"),
    "a layer missing": (dropped("layer.1."), "lacks 16 of the weights"),
    "a misnamed tensor": (renamed(lambda name: name.replace(LAYER, f"{LAYER}s")), "lacks 1"),
    "DataParallel": (renamed(lambda name: f"module.{name}"), r"model\.module\.save_pretrained"),
    "another prefix": (
        renamed(lambda name: name.replace("bert.", "net.")), "start with 'net.'"
    ),
    "another architecture": (
        settings(CONFIG, model_type="roberta", architectures=["RobertaModel"]), "lacks"
    ),
    "a misshapen tensor": (one(LAYER, lambda tensor: tensor[:, :-1]), r"shape \(32, 63\)"),
    "a transposed tensor": (one(LAYER, lambda tensor: tensor.T), "config.json requires"),
    "a number for a tensor": (one(LAYER, lambda tensor: tensor.sum()), "config.json requires"),
    "not a number": (one(LAYER, with_value(float("nan"))), "1 of the weights are"),
    "infinite": (one(WORDS, with_value(float("-inf"))), "1 of the weights are"),
    "other heads": (tensors(lambda weights: weights.update({"cls.bias": torch.ones(3)})), None),
    "position ids": (
        tensors(
            lambda weights: weights.update(
                {"bert.embeddings.position_ids": torch.arange(130)[None]}
            )
        ),
        None,
    ),
    "in 64 bits": (tensors(lambda weights: {n: t.double() for n, t in weights.items()}), None),
    "half of the file": (cut(WEIGHTS, 0.5), "SafetensorError"),
    "an empty file": (written(WEIGHTS, b""), "SafetensorError"),
    "garbage": (written(WEIGHTS, b"\x80\x04garbage" * 99), "SafetensorError"),
    "no weights": (removed(WEIGHTS), "safe_serialization"),
    "shards": (in_shards, None),
    "a shard missing": (after_shards(one_shard_less), "which is missing"),
    "shards without index": (after_shards(removed(INDEX)), "model.safetensors.index.json"),
    "a damaged index": (after_shards(written(INDEX, b"{")), "weight_map"),
    "an index that is a list": (after_shards(written(INDEX, b"[]")), "weight_map"),
    "a pickled shard": (shard("pytorch_model.bin"), "weight_map"),
    "a shard elsewhere": (shard("../other/model.safetensors"), "weight_map"),
    "an adapter": (written("adapter_config.json", b"{}"), "merge_and_unload"),
    # Settings
    "no config": (removed(CONFIG), "without config.json"),
    "a damaged config": (cut(CONFIG, 0.5), "its config.json cannot be read"),
    "a config that is a list": (written(CONFIG, b"[]"), "its config.json cannot be read"),
    "no model type": (settings(CONFIG, model_type=None), "model_type"),
    "an unknown model type": (settings(CONFIG, model_type="nonsense"), "nonsense"),
    "a model of images": (settings(CONFIG, model_type="vit"), "cannot load the encoder"),
    "a model that writes": (settings(CONFIG, model_type="t5"), "cannot load the encoder"),
    "fewer layers": (settings(CONFIG, num_hidden_layers=1), "more layers than"),
    "more layers": (settings(CONFIG, num_hidden_layers=3), "lacks 16"),
    "millions of layers": (settings(CONFIG, num_hidden_layers=10**7), "no encoder has"),
    "no layers": (settings(CONFIG, num_hidden_layers=0), "num_hidden_layers = 0"),
    "heads that do not divide": (settings(CONFIG, num_attention_heads=5), "multiple"),
    "no heads": (settings(CONFIG, num_attention_heads=0), "ZeroDivisionError"),
    "another width": (settings(CONFIG, hidden_size=64), "config.json requires"),
    "a negative width": (settings(CONFIG, hidden_size=-32), "cannot load the encoder"),
    "a width in words": (settings(CONFIG, hidden_size="32"), "cannot load the encoder"),
    "a huge vocabulary": (settings(CONFIG, vocab_size=10**12), "config.json requires"),
    "a huge layer that is missing": (
        lambda folder: (dropped(WORDS)(folder), settings(CONFIG, vocab_size=10**12)(folder)),
        "a network of 32000000",
    ),
    "a small vocabulary": (settings(CONFIG, vocab_size=50), "config.json requires|Padding_idx"),
    "padding beyond": (settings(CONFIG, pad_token_id=10**6), "Padding_idx"),
    "other positions": (settings(CONFIG, max_position_embeddings=1024), "config.json requires"),
    "an unknown activation": (settings(CONFIG, hidden_act="nonsense"), "nonsense"),
    "an epsilon in words": (settings(CONFIG, layer_norm_eps="tiny"), "cannot load the encoder"),
    "a negative epsilon": (settings(CONFIG, layer_norm_eps=-9.0), "not a number"),
    "quantized": (
        settings(CONFIG, quantization_config={"quant_method": "bitsandbytes", "load_in_8bit": True}),
        "cannot load the encoder",
    ),
    "a kernel from a hub": (settings(CONFIG, _attn_implementation="someone/kernel"), None),
    # Tokenizers
    "no tokenizer": (
        removed(TOKENIZER, TOKENIZER_CONFIG, "special_tokens_map.json"), "its tokenizer cannot be read"
    ),
    "a damaged tokenizer": (cut(TOKENIZER, 0.5), "its tokenizer cannot be read"),
    "an empty tokenizer": (written(TOKENIZER, b"{}"), "its tokenizer cannot be read"),
    "a tokenizer that is a list": (written(TOKENIZER, b"[]"), "its tokenizer cannot be read"),
    "damaged settings of it": (written(TOKENIZER_CONFIG, b"{"), "its tokenizer cannot be read"),
    "settings that are a list": (written(TOKENIZER_CONFIG, b"[]"), "its tokenizer cannot be read"),
    "an unknown class": (settings(TOKENIZER_CONFIG, tokenizer_class="Nonsense"), "Nonsense"),
    "more wordpieces": (more_wordpieces, "'Heimdall' .*resize_token_embeddings"),
    # Code
    "a model's code": (
        code(CONFIG, MODEL_CODE, model_type="evil"), "Python code of its own, which is never run"
    ),
    "code for a known model": (code(CONFIG, MODEL_CODE), None),
    "a tokenizer's code": (
        code(TOKENIZER_CONFIG, TOKENIZER_CODE, tokenizer_class="EvilTokenizer"),
        "Python code of its own|EvilTokenizer",
    ),
    "code for a known tokenizer": (code(TOKENIZER_CONFIG, TOKENIZER_CODE), None),
    "code from a hub": (
        code(CONFIG, {"AutoConfig": "someone/else--evil.Config"}, model_type="evil"), "never run"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_encoders_and_classifiers(name, sound, sound_vectors, tmp_path, monkeypatch):
    damage, said = CASES[name]
    folder = tmp_path / "checkpoint"
    shutil.copytree(sound, folder)
    damage(folder)
    monkeypatch.setenv("MARKER", str(tmp_path / "ran"))
    for load, expected in zip((initialised, lambda f: import_pipeline(str(f))), sound_vectors):
        if said is None:
            numpy.testing.assert_array_equal(vectors_of(load(folder)), expected)
            continue
        with pytest.raises(InputError, match=said) as caught:
            load(folder)
        assert "checkpoint" in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()


# Damage that matters only for encoders, or only for heads.
ENCODERS: dict[str, tuple[Damage, str | None]] = {
    "no head": (dropped("classifier."), None),
    "a head that is not a number": (one("classifier.bias", with_value(float("nan"))), None),
    "no special wordpieces": (without_special_wordpieces, None),
    "no bound": (settings(TOKENIZER_CONFIG, model_max_length=0), None),
}  # fmt: skip


@pytest.mark.parametrize("name", ENCODERS)
def test_encoders_alone(name, sound, sound_vectors, tmp_path):
    shutil.copytree(sound, tmp_path / "checkpoint")
    ENCODERS[name][0](tmp_path / "checkpoint")
    found = vectors_of(initialised(tmp_path / "checkpoint"))
    if name == "no special wordpieces":
        assert numpy.isfinite(found).all()
    else:
        numpy.testing.assert_array_equal(found, sound_vectors[0])


HEADS: dict[str, tuple[Damage, str]] = {
    "no head": (dropped("classifier."), "no trained head"),
    "half of a head": (dropped("classifier.bias"), "no trained head"),
    "a head that is not a number": (one("classifier.bias", with_value(float("nan"))), "number"),
    "a head of another size": (one("classifier.weight", lambda tensor: tensor[:-1]), "mismatch"),
    "names for fewer outputs": (
        settings(CONFIG, id2label={0: "O", 1: "B-A", 2: "I-A"}, label2id=None), "size mismatch"
    ),
    "no names": (settings(CONFIG, id2label=None, label2id=None), "to its config.json|id2label"),
    "numbers for names": (
        settings(CONFIG, id2label={i: str(i) for i in range(5)}), "does not name its tags"
    ),
    "null for a name": (settings(CONFIG, id2label={**OUTPUTS, 1: None}), "outputs are"),
    "names that are a list": (settings(CONFIG, id2label=BIO), "cannot load the encoder"),
    "a gap": (settings(CONFIG, id2label={0: "O", 1: "B-A", 9: "I-A"}), "counted from 0"),
    "the same name twice": (settings(CONFIG, id2label={**OUTPUTS, 4: "I-PER"}), "same name"),
    "no room": (settings(TOKENIZER_CONFIG, model_max_length=2), "too few"),
    "a negative length": (settings(TOKENIZER_CONFIG, model_max_length=-5), "too few"),
    "a length in words": (settings(TOKENIZER_CONFIG, model_max_length="128"), "cannot load"),
}  # fmt: skip


@pytest.mark.parametrize("name", HEADS)
def test_heads(name, sound, tmp_path):
    damage, said = HEADS[name]
    shutil.copytree(sound, tmp_path / "checkpoint")
    damage(tmp_path / "checkpoint")
    with pytest.raises(InputError, match=said) as caught:
        import_pipeline(str(tmp_path / "checkpoint"))
    assert "\n" not in str(caught.value)


# Published encoders come with pretraining heads, poolers and tied weights.
PRETRAINED = {
    "bert": BertConfig, "electra": ElectraConfig, "albert": AlbertConfig, "mpnet": MPNetConfig,
    "deberta-v2": DebertaV2Config, "modernbert": ModernBertConfig, "distilbert": DistilBertConfig,
}  # fmt: skip


@pytest.mark.parametrize("name", PRETRAINED)
@pytest.mark.parametrize("has_head", [True, False])
def test_pretrained_encoders(name, has_head, sound, tmp_path):
    shutil.copytree(sound, tmp_path / "encoder")
    shape = {**DISTIL, **SHAPE} if name != "modernbert" else {**SHAPE, "reference_compile": False}
    tokenizer = AutoTokenizer.from_pretrained(sound)
    special = {f"{role}_token_id": 0 for role in ("pad", "cls", "sep", "bos", "eos")}
    config = PRETRAINED[name](vocab_size=len(tokenizer), **shape, **special)
    network = (AutoModelForMaskedLM if has_head else AutoModel).from_config(config).eval()
    network.save_pretrained(tmp_path / "encoder")
    encoder = load_pretrained(str(tmp_path / "encoder"), InputOptions(), attention_dropout=0.0)
    ids = torch.tensor([[2, 7, 9, 3]])
    with torch.inference_mode():
        torch.testing.assert_close(
            encoder.transformer(input_ids=ids).last_hidden_state,
            network.base_model(input_ids=ids).last_hidden_state,
        )
    again = from_parts(to_parts(encoder))
    for before, after in zip(encoder.parameters(), again.parameters()):
        assert torch.equal(before, after)


# Saved pipelines.


def part(name: str, **values: object) -> Callable[[dict], object]:
    return lambda parts: parts[name].update(values)


def weights(change: Callable[[dict], object]) -> Callable[[dict], object]:
    from safetensors.torch import load

    def damage(parts: dict) -> None:
        found = load(parts["weights"])
        parts["weights"] = save(change(found) or found)

    return damage


def code_inside(parts: dict) -> None:
    config = json.loads(parts["tokenizer"][TOKENIZER_CONFIG])
    config |= {"auto_map": TOKENIZER_CODE, "tokenizer_class": "EvilTokenizer"}
    parts["tokenizer"] |= {
        TOKENIZER_CONFIG: json.dumps(config).encode(),
        "evil.py": CODE.encode(),
        "../evil.py": CODE.encode(),
    }


INNER = "transformer.encoder.layer.1.output.dense.weight"
PARTS: dict[str, tuple[Callable[[dict], object], str | None]] = {
    "nothing": (lambda parts: None, None),
    "not a number": (weights(lambda w: with_value(float("nan"))(w[INNER]) is None), "1 of the weights are"),
    "a tensor missing": (weights(lambda w: w.pop(INNER) is None), "1 of the weights are missing"),
    "a tensor more": (
        weights(lambda w: w.update({"transformer.x": torch.ones(1)})), "are unknown: x"
    ),
    "a misshapen tensor": (
        weights(lambda w: w.update({INNER: torch.ones(3, 3)})), "are of another shape"
    ),
    "half of the weights": (
        lambda parts: parts.update(weights=parts["weights"][:999]), "SafetensorError"
    ),
    "no weights": (lambda parts: parts.pop("weights"), "KeyError"),
    "a huge vocabulary": (part("config", vocab_size=10**12), "another shape"),
    "millions of layers": (part("config", num_hidden_layers=10**7), "no encoder has"),
    "no heads": (part("config", num_attention_heads=0), "ZeroDivisionError"),
    "an epsilon in words": (part("config", layer_norm_eps="tiny"), "cannot encode a text"),
    "an unknown model": (part("config", model_type="nonsense"), "nonsense"),
    "another model": (part("config", model_type="distilbert"), "damaged, or was changed"),
    "a kernel from a hub": (part("config", _attn_implementation="someone/kernel"), None),
    "code for a known model": (part("config", auto_map=MODEL_CODE), None),
    "code for a tokenizer": (code_inside, "Python code of its own, which is never run"),
    "a file that is not a tokenizer's": (part("tokenizer", **{"evil.py": CODE.encode()}), None),
    "a damaged tokenizer": (part("tokenizer", **{TOKENIZER: b"{"}), "damaged, or was changed"),
    "no tokenizer": (lambda parts: parts.update(tokenizer={}), "damaged, or was changed"),
    "a tokenizer of numbers": (part("tokenizer", **{TOKENIZER: 3}), "TypeError"),
    "something else": (lambda parts: parts.clear(), "KeyError"),
}  # fmt: skip


@pytest.mark.parametrize("name", PARTS)
def test_parts_of_a_saved_pipeline(name, sound, tmp_path, monkeypatch):
    damage, said = PARTS[name]
    monkeypatch.setenv("MARKER", str(tmp_path / "ran"))
    encoder, _ = find_encoder(initialised(sound))
    parts = to_parts(encoder)
    damage(parts)
    if said is None:
        again = from_parts(parts)
        for before, after in zip(encoder.parameters(), again.parameters()):
            torch.testing.assert_close(before, after, rtol=0, atol=0)
    else:
        with pytest.raises(InputError, match=said) as caught:
            from_parts(parts)
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()


def test_error_names_the_damaged_pipeline(sound, tmp_path):
    nlp = initialised(sound)
    encoder, _ = find_encoder(nlp)
    with torch.no_grad():
        encoder.transformer.embeddings.word_embeddings.weight[2, 3] = float("inf")
    nlp.to_disk(tmp_path / "mine")
    with pytest.raises(InputError, match="cannot load the pipeline '.*mine': .*infinite"):
        load_pipeline(tmp_path / "mine")


SCRIPT = """
import sys
from pathlib import Path
from tests.conftest import blank_pipeline
from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.exchange.import_hf import import_pipeline
from tests.exchange.test_odd_checkpoints import initialised
for folder in sys.argv[1:]:
    for load in (initialised, import_pipeline):
        try:
            load(folder)
        except InputError as error:
            print(error)
        else:
            print("read")
print("left:", sys.stdin.read(4))
"""


def test_code_is_never_run_even_if_stdin_agrees(sound, tmp_path):
    names = ["a model's code", "code for a known model", "a tokenizer's code"]
    folders = [tmp_path / name.replace(" ", "-") for name in names]
    for name, folder in zip(names, folders):
        shutil.copytree(sound, folder)
        CASES[name][0](folder)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *map(str, folders)],
        input="yes\n" * 1000,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "MARKER": str(tmp_path / "ran"), "HF_HOME": str(tmp_path / "hub")},
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    # No prompt read from stdin.
    assert lines[-1] == "left: yes"
    assert lines.count("read") == 2 * sum(CASES[name][1] is None for name in names)
    assert not any("[y/N]" in line for line in lines)
    assert not (tmp_path / "ran").exists()
    assert not list((tmp_path / "hub").rglob("*.py"))


def test_only_tokenizer_files_are_unpacked(sound, monkeypatch):
    unpacked = []
    load = AutoTokenizer.from_pretrained

    def spy(folder, **settings):
        unpacked.extend(sorted(path.name for path in Path(folder).iterdir()))
        return load(folder, **settings)

    parts = to_parts(find_encoder(initialised(sound))[0])
    names = sorted(parts["tokenizer"])
    code = CODE.encode()
    parts["tokenizer"] |= {"evil.py": code, "../evil.py": code, "x/tokenizer.json": code}
    monkeypatch.setattr(AutoTokenizer, "from_pretrained", spy)
    from_parts(parts)
    assert unpacked == names
