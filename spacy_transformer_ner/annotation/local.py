"""Annotate on this machine: one thread reads ahead and another writes, while the pipeline
runs."""

import gc
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar, cast

from spacy.language import Language

from .annotate import Job, Worker
from .chunks import Chunk
from .manifest import Shard

# The number of chunks to read ahead, and the number that may wait to be written.
AHEAD = 2
Item = TypeVar("Item")
Result = TypeVar("Result")


def run_here(
    job: Job, nlp: Language, chunks: Iterable[Chunk], add: Callable[[Shard], Shard]
) -> Iterator[Shard]:
    """Annotate chunks, one after the other.

    job (Job): The job.
    nlp (Language): The pipeline.
    chunks (Iterable[Chunk]): The chunks.
    add (Callable): Records a finished shard.
    YIELDS (Shard): The shards.
    """
    worker = Worker(job, nlp)
    texts = read_ahead((chunk, worker.read(chunk)) for chunk in chunks)
    annotated = ((chunk, *worker.annotate(read)) for chunk, read in texts)
    # Each chunk creates many small objects, which trigger garbage collections. Freezing the
    # pipeline's objects excludes them from these.
    gc.collect()
    gc.freeze()
    try:
        yield from write_behind(lambda each: add(worker.write(*each)), annotated)
    finally:
        gc.unfreeze()


def read_ahead(stream: Iterable[Item]) -> Iterator[Item]:
    """stream (Iterable[Item]): A stream.
    YIELDS (Item): Its items. A thread reads them ahead."""
    items, end = iter(stream), object()
    with ThreadPoolExecutor(1) as thread:
        waiting = deque(thread.submit(next, items, end) for _ in range(AHEAD))
        while (item := waiting.popleft().result()) is not end:
            waiting.append(thread.submit(next, items, end))
            yield cast(Item, item)


def write_behind(function: Callable[[Item], Result], stream: Iterable[Item]) -> Iterator[Result]:
    """function (Callable): A function.
    stream (Iterable[Item]): A stream.
    YIELDS (Result): The function's result for each item. A thread calls it in the background,
        in order."""
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(1) as thread:
        for item in stream:
            waiting.append(thread.submit(function, item))
            while waiting and (len(waiting) > AHEAD or waiting[0].done()):
                yield waiting.popleft().result()
        for future in waiting:
            yield future.result()
