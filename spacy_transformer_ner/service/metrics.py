"""Metrics for Prometheus."""

import os
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

# prometheus_client reads this variable when it is imported. With it, processes share their
# metrics through files in the folder.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SIZES = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """The metrics of a worker, or of all workers if they share a folder."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "ner_requests", "Answered requests", ["path", "status"], registry=registry
        )
        self.seconds = Histogram(
            "ner_request_seconds",
            "Time from the request to the answer of /v1/entities",
            buckets=SECONDS,
            registry=registry,
        )
        self.texts = Counter("ner_texts", "Texts that the pipeline has read", registry=registry)
        self.characters = Counter("ner_characters", "Characters of these texts", registry=registry)
        self.failed = Counter("ner_failed_texts", "Texts that it failed on", registry=registry)
        self.cancelled = Counter(
            "ner_cancelled_texts",
            "Texts whose client left before they were read",
            registry=registry,
        )
        self.entities = Counter("ner_entities", "Entities found", ["label"], registry=registry)
        self.batch_texts = Histogram(
            "ner_batch_texts", "Texts of a batch", buckets=SIZES, registry=registry
        )
        self.batch_seconds = Histogram(
            "ner_batch_seconds",
            "Time of the pipeline for a batch",
            buckets=SECONDS,
            registry=registry,
        )
        self.waiting = Gauge(
            "ner_waiting_characters",
            "Characters that wait for the pipeline",
            registry=registry,
            multiprocess_mode="livesum",
        )

    def render(self) -> bytes:
        """RETURNS (bytes): The metrics in the text format of Prometheus."""
        if FOLDER not in os.environ:
            return generate_latest(self.registry)
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
        return generate_latest(registry)


def forget_dead_workers() -> None:
    """Remove the gauges of killed workers from the shared folder."""
    if os.name == "nt":  # signal 0 would be Ctrl-C there
        return
    for path in Path(os.environ.get(FOLDER, os.devnull)).glob("gauge_live*_*.db"):
        pid = int(path.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            mark_process_dead(pid)
        except PermissionError:
            continue
