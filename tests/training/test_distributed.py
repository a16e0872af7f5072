"""Training with several processes: forked ones, since importing torch takes longer than the
trainings here. `test_torchrun` uses the launcher."""

import multiprocessing
import os
import random
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import spacy
import torch
from spacy.training import Example

from spacy_transformer_ner import processes
from spacy_transformer_ner.errors import InputError
from spacy_transformer_ner.evaluation import calibrate  # noqa: F401  # once for all processes
from spacy_transformer_ner.recogniser.component import TransformerNER
from spacy_transformer_ner.training.distributed import share_of
from spacy_transformer_ner.training.state import digest_of_weights, weights_of

from ..conftest import ner
from .conftest import files_of, history

SETTINGS = {
    "components.transformer.model.window": 64,
    "components.transformer.model.precision": "fp32",
    "components.transformer.model.augment": "null",
    "training.eval_frequency": 3,
    "training.max_steps": 6,
    "training.max_epochs": 0,
    # Some batches have only one text.
    "training.batcher.size.start": 14,
    "training.optimizer.learn_rate.initial_rate": 1e-3,
}
EXACT = {
    "training.batcher.size.start": 40,
    "training.accumulate_gradient": 2,
    "training.optimizer.learn_rate.initial_rate": 3e-4,
    "training.dropout": 0.0,
    "components.transformer.model.word_dropout": 0.0,
    # The updates of weights with a gradient of nearly 0 would be mostly rounding.
    "training.optimizer.eps": 1e-4,
}


def launch(n, run, folder) -> tuple[list[int], list[str]]:
    """Run a function in several processes.

    RETURNS: Their exit codes and outputs."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]

    def start(number):
        torch.set_num_threads(1)
        os.environ.update({
            "TORCHELASTIC_RUN_ID": "test", "MASTER_ADDR": "localhost", "MASTER_PORT": str(port),
            "RANK": str(number), "LOCAL_RANK": str(number),
            "WORLD_SIZE": str(n), "LOCAL_WORLD_SIZE": str(n),
        })  # fmt: skip
        done = run(number)
        (folder / f"output-{number}").write_text(done.stdout, "utf-8")
        raise SystemExit(done.returncode)

    started = [
        multiprocessing.get_context("fork").Process(target=start, args=(number,))
        for number in range(n)
    ]
    for process in started:
        process.start()
    for process in started:
        process.join(300)
    outputs = [folder / f"output-{number}" for number in range(n)]
    return [process.exitcode for process in started], [
        " ".join(output.read_text("utf-8").split()) if output.exists() else "" for output in outputs
    ]


@pytest.fixture
def command(encoders, corpus, tmp_path):
    """The arguments of `spacy ner train`."""

    def command(name="run", **settings):
        folder = tmp_path / name
        paths = {"paths.train": corpus, "paths.dev": corpus}
        settings = {**SETTINGS, **paths, "paths.encoder": encoders["wordpiece"], **settings}
        parts = [part for key, value in settings.items() for part in (f"--{key}", str(value))]
        return ["train", "minilm", "--output", str(folder), *parts]

    return command


def fail_at(number, until, error):
    """Let `update` of a process raise an error."""
    updates = [0]
    update = TransformerNER.update

    def fail(self, *args, **kwargs):
        updates[0] += 1
        if processes.number() == number and updates[0] == until:
            raise error
        return update(self, *args, **kwargs)

    return fail


def tensors(pipeline: Path) -> dict[str, torch.Tensor]:
    return {name: tensor for name, _, tensor in weights_of(spacy.load(pipeline))}


def test_two_processes_train_the_weights_of_one(command, tmp_path):
    assert ner(*command("one", **EXACT)).returncode == 0
    codes, (output, silent) = launch(2, lambda _: ner(*command("two", **EXACT)), tmp_path)
    assert codes == [0, 0] and "Training with 2 processes" in output and silent == ""
    one, two = tensors(tmp_path / "one" / "model-last"), tensors(tmp_path / "two" / "model-last")
    for name in one.keys() | two.keys():
        torch.testing.assert_close(two[name], one[name], atol=2e-5, rtol=1e-4)
    for before, after in zip(history(tmp_path / "one"), history(tmp_path / "two"), strict=True):
        assert after["losses"] == pytest.approx(before["losses"], rel=1e-3)
        assert (after["step"], after["words"]) == (before["step"], before["words"])


def test_resumed_training_is_identical(command, tmp_path, monkeypatch):
    """With dropout, so the random numbers of all processes are restored."""

    def run(name):
        return launch(2, lambda _: ner(*command(name, **{"training.dropout": 0.2})), tmp_path)

    assert run("whole")[0] == [0, 0]
    with monkeypatch.context() as patch:
        patch.setattr(TransformerNER, "update", fail_at(0, 5, KeyboardInterrupt()))
        codes, (output, _) = run("run")
        # Process 0 ends by the KeyboardInterrupt, which click reports.
        assert codes[0] != 0 and codes[1] == 0
    assert (tmp_path / "run" / "checkpoints" / "step-000003").is_dir()
    codes, (output, _) = run("run")
    assert codes == [0, 0] and "Resuming from" in output
    for name in ("model-best", "model-last"):
        assert files_of(tmp_path / "run" / name) == files_of(tmp_path / "whole" / name) != {}
    # A finished training is not repeated.
    codes, (output, _) = run("run")
    assert codes == [0, 0] and "This training is finished" in output


def test_failure_of_another_process(command, tmp_path, monkeypatch):
    monkeypatch.setattr(TransformerNER, "update", fail_at(1, 2, InputError("no good")))
    codes, outputs = launch(2, lambda _: ner(*command()), tmp_path)
    assert codes == [1, 1]
    assert "Another process of this training ended" in outputs[0]
    assert "no good" in outputs[1] and "no good" not in outputs[0]
    assert (tmp_path / "run" / "model-best").is_dir()


def test_failure_of_the_first_process(command, tmp_path, monkeypatch):
    codes, outputs = launch(
        2, lambda _: ner(*command(**{"paths.train": "nothing.spacy"})), tmp_path
    )
    assert codes == [1, 0]
    assert "train corpus not found" in outputs[0] and outputs[1] == ""


def test_other_batches(command, tmp_path, monkeypatch):
    shuffle = random.shuffle

    def shuffle_differently(items):
        shuffle(items)
        if processes.number():
            items.reverse()

    monkeypatch.setattr(random, "shuffle", shuffle_differently)
    codes, outputs = launch(2, lambda _: ner(*command()), tmp_path)
    assert codes == [1, 0] and "read different batches" in outputs[0]


def examples_of(*lengths):
    nlp = spacy.blank("en")
    texts = ["word " * length for length in lengths]
    return [Example.from_dict(nlp.make_doc(text), {"entities": []}) for text in texts]


def test_shares():
    examples = examples_of(9, 2, 3, 0, 4)
    shares = [share_of(examples, number, 2) for number in range(2)]
    assert sorted(len(e.predicted) for share in shares for e in share) == [0, 2, 3, 4, 9]
    assert [sum(len(e.predicted) for e in share) for share in shares] == [9, 9]


def test_share_without_texts():
    examples = examples_of(0, 9)
    shares = [share_of(examples, number, 3) for number in range(3)]
    assert [[len(example.predicted) for example in share] for share in shares] == [[9], [9], [9]]
    assert [share[0].get_aligned_ner()[0] for share in shares] == ["O", None, None]
    empty = examples_of(0)
    assert not any(len(e.predicted) for n in range(2) for e in share_of(empty, n, 2))


def test_too_few_gpus(monkeypatch):
    for name, value in {"LOCAL_RANK": 0, "LOCAL_WORLD_SIZE": 3, "WORLD_SIZE": 3}.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "test")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(InputError, match="needs the GPUs 0 to 2, but torch finds 2"):
        processes.join(0)


@pytest.mark.slow
def test_torchrun(command, tmp_path):
    done = subprocess.run(
        [
            sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2",
            "-m", "spacy", "ner", *command(),
        ],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("is ready to train") == 1
    assert digest_of_weights(spacy.load(tmp_path / "run" / "model-best"))
