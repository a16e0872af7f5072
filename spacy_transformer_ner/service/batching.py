"""Dynamic batching: texts of different requests are encoded together.

One thread runs the pipeline. The texts that arrive while it works form the next batch. So
batches grow with the load, and a lone request waits for nobody.
"""

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextvars import copy_context
from dataclasses import dataclass, field
from threading import Condition, Thread

from ..errors import one_line
from .metrics import Metrics
from .tagger import Answer, Options

logger = logging.getLogger("uvicorn.error")

# The size of a batch. Larger batches are hardly faster, and short texts in them wait longer.
BATCH_TEXTS = 64
BATCH_CHARACTERS = 16_000
# Time to wait for company when the pipeline is idle, in seconds.
GATHER = 0.002
# What a text costs in the queue beside its characters.
OVERHEAD = 50
# Until the first batch is measured, in characters per second.
FIRST_SPEED = 5_000.0
MAX_RETRY_AFTER = 60

Tag = Callable[[Sequence[str], Options], list[Answer]]


class QueueFullError(Exception):
    """Raised if texts do not fit into the queue.

    retry_after (int): The estimated number of seconds until they do.
    """

    def __init__(self, retry_after: int):
        super().__init__(f"the queue is full; retry after {retry_after} s")
        self.retry_after = retry_after


class UnavailableError(Exception):
    """Raised if the service is stopping, or its pipeline fails on every text."""


@dataclass
class Job:
    """A text in the queue.

    text (str): The text.
    options (Options): What to find.
    answer (Future[Answer]): Receives the answer. Cancel it to drop the text.
    """

    text: str
    options: Options
    answer: "Future[Answer]" = field(default_factory=Future)


def cost_of(text: str) -> int:
    """text (str): A text.
    RETURNS (int): How much of the queue it takes: its characters, and a fixed cost."""
    return len(text) + OVERHEAD


class Batcher:
    """A bounded queue of texts, and the thread that runs the pipeline over batches of them.

    tag (Callable): Finds the entities of texts, see `Tagger.tag`. Only called by one thread.
    capacity (int): How much can wait, as `cost_of` counts it.
    metrics (Metrics): The metrics to update.
    """

    def __init__(self, tag: Tag, capacity: int, metrics: Metrics):
        self.capacity = capacity
        self.broken = ""
        self._tag = tag
        self._metrics = metrics
        self._waiting: deque[Job] = deque()
        self._cost = 0
        self._speed = FIRST_SPEED
        self._stopping = False
        self._changed = Condition()
        # The GPU that thinc uses is part of the context.
        self._thread = Thread(target=copy_context().run, args=(self._run,), name="pipeline")

    @property
    def is_ready(self) -> bool:
        """RETURNS (bool): Whether the thread runs and the pipeline works."""
        return self._thread.is_alive() and not self._stopping and not self.broken

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Answer what is in the queue, then stop the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()

    def submit(self, texts: Sequence[str], options: Options) -> "list[Future[Answer]]":
        """Add the texts of a request to the queue: all of them or none.

        texts (Sequence[str]): The texts.
        options (Options): What to find.
        RETURNS (list[Future[Answer]]): The future answer for each text. It raises an
            UnavailableError if the pipeline fails on every text.
        RAISES: QueueFullError if they do not fit, UnavailableError if the service is stopping.
        """
        cost = sum(map(cost_of, texts))
        jobs = [Job(text, options) for text in texts]
        with self._changed:
            if self._stopping:
                raise UnavailableError("the service is stopping")
            if self._cost + cost > self.capacity:
                self._keep([job for job in self._waiting if not self._is_cancelled(job)])
            if self._cost + cost > self.capacity:
                seconds = math.ceil((self._cost + cost - self.capacity) / self._speed)
                raise QueueFullError(min(max(seconds, 1), MAX_RETRY_AFTER))
            self._waiting.extend(jobs)
            self._count(cost)
            self._changed.notify()
        return [job.answer for job in jobs]

    def _keep(self, jobs: Sequence[Job]) -> None:
        self._waiting = deque(jobs)
        self._count(sum(cost_of(job.text) for job in jobs) - self._cost)

    def _count(self, change: int) -> None:
        self._cost += change
        self._metrics.waiting.set(self._cost)

    def _is_cancelled(self, job: Job) -> bool:
        if not job.answer.cancelled():
            return False
        self._metrics.cancelled.inc()
        return True

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._stopping)
                if not self._waiting:
                    return
                self._changed.wait_for(self._is_enough, timeout=GATHER)
                batch = self._take()
            if batch:
                self._answer(batch)

    def _is_enough(self) -> bool:
        return self._stopping or len(self._waiting) >= BATCH_TEXTS or self._cost > BATCH_CHARACTERS

    def _take(self) -> list[Job]:
        """RETURNS (list[Job]): The first jobs of the queue that have the same options. Jobs
        whose client has left are dropped."""
        batch: list[Job] = []
        rest: list[Job] = []
        characters = 0
        for job in self._waiting:
            if self._is_cancelled(job):
                continue
            length = len(job.text)
            is_full = len(batch) == BATCH_TEXTS or characters + length > BATCH_CHARACTERS
            if batch and (is_full or job.options != batch[0].options):
                rest.append(job)
            elif job.answer.set_running_or_notify_cancel():
                batch.append(job)
                characters += length
        self._keep(rest)
        return batch

    def _answer(self, batch: Sequence[Job]) -> None:
        start = time.perf_counter()
        try:
            answers = self._tag([job.text for job in batch], batch[0].options)
        except Exception as error:
            # A GPU that is lost, or no memory: whatever it is, the clients need an answer.
            logger.error("The pipeline fails: %s: %s", type(error).__name__, one_line(error))
            self.broken = f"the pipeline fails ({type(error).__name__})"
            for job in batch:
                job.answer.set_exception(UnavailableError(self.broken))
            return
        self.broken = ""
        self._measure(batch, answers, time.perf_counter() - start)
        for job, answer in zip(batch, answers):
            job.answer.set_result(answer)

    def _measure(self, batch: Sequence[Job], answers: Sequence[Answer], seconds: float) -> None:
        metrics = self._metrics
        characters = sum(len(job.text) for job in batch)
        cost = sum(cost_of(job.text) for job in batch)
        self._speed += 0.2 * (cost / max(seconds, 1e-6) - self._speed)
        metrics.texts.inc(len(batch))
        metrics.characters.inc(characters)
        metrics.batch_texts.observe(len(batch))
        metrics.batch_seconds.observe(seconds)
        for answer in answers:
            if answer.error:
                metrics.failed.inc()
                # The message of an error may quote the text.
                logger.warning("The pipeline fails on a text")
            for entity in answer.entities or ():
                metrics.entities.labels(entity["label"]).inc()
