"""The queue and the thread of the pipeline, without HTTP."""

import threading
import time
from concurrent.futures import wait

import pytest

from spacy_transformer_ner.service.batching import (
    BATCH_CHARACTERS,
    BATCH_TEXTS,
    OVERHEAD,
    Batcher,
    QueueFullError,
    UnavailableError,
)
from spacy_transformer_ner.service.metrics import Metrics
from spacy_transformer_ner.service.tagger import Answer, Options

NONE = Options()
HALF = Options(threshold=0.5)


class Pipeline:
    """A pipeline that works when it is told to, and records its batches."""

    def __init__(self):
        self.go = threading.Event()
        self.started = threading.Event()
        self.batches = []

    def __call__(self, texts, options):
        self.started.set()
        assert self.go.wait(20)
        self.batches.append((list(texts), options))
        if "broken" in texts:
            raise RuntimeError("the GPU is lost")
        return [Answer([{"label": "X", "text": text}]) for text in texts]


@pytest.fixture
def pipeline():
    return Pipeline()


@pytest.fixture
def batcher(pipeline):
    """A batcher whose pipeline is busy with the text "first"."""
    batcher = Batcher(pipeline, 10_000 + OVERHEAD, Metrics())
    batcher.start()
    batcher.first = batcher.submit(["first"], NONE)
    assert pipeline.started.wait(20)
    yield batcher
    pipeline.go.set()
    batcher.stop()


def texts_of(futures):
    return [future.result(20).entities[0]["text"] for future in futures]


def test_what_arrives_meanwhile_is_one_batch(batcher, pipeline):
    waiting = [batcher.submit([f"{i}a", f"{i}b"], NONE) for i in range(10)]
    pipeline.go.set()
    assert [texts_of(pair) for pair in waiting] == [[f"{i}a", f"{i}b"] for i in range(10)]
    assert [len(texts) for texts, _ in pipeline.batches] == [1, 20]


def test_different_options_are_not_mixed(batcher, pipeline):
    for i in range(6):
        batcher.submit([str(i)], HALF if i % 2 else NONE)
    pipeline.go.set()
    batcher.stop()
    assert pipeline.batches[1:] == [(["0", "2", "4"], NONE), (["1", "3", "5"], HALF)]


def test_batches_are_bounded(pipeline):
    batcher = Batcher(pipeline, 1_000_000, Metrics())
    long = "x" * (BATCH_CHARACTERS + 1)
    batcher.submit([*"y" * (BATCH_TEXTS + 3), long, "x" * 9_000, "x" * 9_000], NONE)
    pipeline.go.set()
    batcher.start()
    batcher.stop()
    sizes = [(len(texts), sum(map(len, texts))) for texts, _ in pipeline.batches]
    assert sum(n for n, _ in sizes) == BATCH_TEXTS + 6
    assert all(n <= BATCH_TEXTS and (size <= BATCH_CHARACTERS or n == 1) for n, size in sizes)


def test_cancelled_texts_are_not_encoded(batcher, pipeline):
    (gone,), (stays,) = batcher.submit(["gone"], NONE), batcher.submit(["stays"], NONE)
    assert gone.cancel()
    pipeline.go.set()
    assert texts_of([stays]) == ["stays"]
    assert "gone" not in [text for texts, _ in pipeline.batches for text in texts]


def test_client_that_leaves_while_its_text_is_encoded(batcher, pipeline):
    assert not batcher.first[0].cancel()
    waiting = batcher.submit(["next"], NONE)
    pipeline.go.set()
    assert texts_of(waiting) == ["next"]


def test_full_queue_says_when_to_retry(batcher, pipeline):
    long = "x" * 5_000
    batcher.submit(["x" * 4_000], NONE)
    with pytest.raises(QueueFullError) as full:
        batcher.submit([long, long], NONE)
    assert 1 <= full.value.retry_after <= 60
    (gone,) = batcher.submit([long], NONE)
    with pytest.raises(QueueFullError):
        batcher.submit([long], NONE)
    gone.cancel()  # makes room at once
    waiting = batcher.submit([long], NONE)
    pipeline.go.set()
    assert texts_of(waiting) == [long]
    assert batcher._cost == 0


def test_stop_answers_what_is_waiting(batcher, pipeline):
    waiting = batcher.submit(["a", "b"], NONE)
    stop = threading.Thread(target=batcher.stop)
    stop.start()
    while not batcher._stopping:
        time.sleep(0.001)
    with pytest.raises(UnavailableError, match="stopping"):
        batcher.submit(["late"], NONE)
    assert not batcher.is_ready
    pipeline.go.set()
    stop.join(20)
    assert not stop.is_alive() and texts_of(waiting) == ["a", "b"]


def test_broken_pipeline_answers_and_recovers(batcher, pipeline):
    (broken,) = batcher.submit(["broken"], NONE)
    pipeline.go.set()
    with pytest.raises(UnavailableError, match="RuntimeError"):
        broken.result(20)
    assert not batcher.is_ready
    assert texts_of(batcher.submit(["works"], NONE)) == ["works"]
    assert batcher.is_ready


def test_many_threads(pipeline):
    """Each gets its own answers, whatever the order."""
    batcher = Batcher(pipeline, 1_000_000, Metrics())
    batcher.start()
    pipeline.go.set()
    found = {}

    def ask(name):
        found[name] = [texts_of(batcher.submit([f"{name}-{i}"], NONE)) for i in range(50)]

    threads = [threading.Thread(target=ask, args=(name,)) for name in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    batcher.stop()
    assert found == {name: [[f"{name}-{i}"] for i in range(50)] for name in range(16)}


def test_gathers_for_a_moment(pipeline):
    """Requests that arrive at the same time are one batch, even if the pipeline is idle."""
    batcher = Batcher(pipeline, 10_000, Metrics())
    pipeline.go.set()
    barrier = threading.Barrier(8)
    futures = []

    def ask(name):
        barrier.wait()
        futures.extend(batcher.submit([name], NONE))

    threads = [threading.Thread(target=ask, args=(str(i),)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    batcher.start()
    wait(futures, 20)
    batcher.stop()
    assert len(pipeline.batches) == 1
