"""Annotate on a cluster: Ray Data distributes the chunks to actors, each with its own
pipeline. An actor gets a chunk and returns the record of its shard; it reads the texts and
writes the shard itself, in folders shared by all machines. If an actor is lost, Ray gives its
chunk to another one, which atomically writes the same file."""

import gc
import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from spacy.language import Language

from ..errors import InputError, install_extra
from ..loading import load_pipeline
from .annotate import Job, Worker
from .chunks import Chunk
from .manifest import Shard

# Only chunks and records go through Ray's own memory.
OBJECT_STORE_BYTES = 100 << 20


class RayWorker:
    """An actor: a worker that takes chunks and returns records of shards, as JSON.

    job (Job): The job.
    pipeline (str): The folder of the pipeline.
    use_gpu (bool): Whether to use the GPU that Ray assigns to it.
    """

    def __init__(self, job: Job, pipeline: str, use_gpu: bool):
        if use_gpu:
            from ..gpu import check_gpu

            check_gpu(0)
        self.worker = Worker(job, load_pipeline(pipeline))
        gc.freeze()  # as in `local.run_here`

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        """batch (dict[str, Any]): Chunks.
        RETURNS (dict[str, list[str]]): The records of their shards, or errors."""
        return {"item": [self._do(Chunk.from_json(str(item))) for item in batch["item"]]}

    def _do(self, chunk: Chunk) -> str:
        worker = self.worker
        try:
            shard = worker.write(chunk, *worker.annotate(worker.read(chunk)))
        except (InputError, OSError) as error:
            # If it were raised, Ray would wrap it in its own error.
            return json.dumps({"error": str(error)})
        return json.dumps(asdict(shard))


@dataclass(frozen=True)
class RayEngine:
    """Annotates chunks on a Ray cluster.

    workers (int): The number of actors.
    use_gpu (bool): Whether each actor uses a GPU; else a CPU core.
    address (str | None): The address of the cluster, as for `ray.init`; None for a temporary
        one on this machine.
    """

    workers: int
    use_gpu: bool = False
    address: str | None = None

    def __call__(
        self, job: Job, nlp: Language, chunks: Iterable[Chunk], add: Callable[[Shard], Shard]
    ) -> Iterator[Shard]:
        """As `local.run_here`, but yields the shards in any order.

        RAISES: InputError if Ray is not installed, there is no cluster, or an actor fails to
            read or write.
        """
        planned = [chunk.to_json() for chunk in chunks]
        if not planned:
            return
        ray = _import_ray()
        try:
            self._connect(ray)
            ray.data.DataContext.get_current().enable_progress_bars = False
            logging.getLogger("ray.data").setLevel(logging.WARNING)
            # One block per chunk: the unit that is given to an actor, and lost with it.
            shards = ray.data.from_items(planned, override_num_blocks=len(planned)).map_batches(
                RayWorker,
                fn_constructor_args=(job, str(nlp.path), self.use_gpu),
                batch_size=1,
                compute=ray.data.ActorPoolStrategy(size=min(self.workers, len(planned))),
                num_gpus=1 if self.use_gpu else 0,
                num_cpus=1,
            )
            for row in shards.iter_rows():
                content = json.loads(row["item"])
                if "error" in content:
                    raise InputError(content["error"])
                yield add(Shard(**content))
        except ray.exceptions.RayError as error:
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise InputError(
                f"Ray failed: {lines[-1]}. Run the same command again to resume."
            ) from None
        finally:
            ray.shutdown()

    def _connect(self, ray: Any) -> None:
        if self.address is not None:
            try:
                ray.init(address=self.address, log_to_driver=False, logging_level="warning")
            except (ConnectionError, ValueError) as error:
                raise InputError(f"no Ray cluster at {self.address!r}: {error}") from None
            return
        # No network access.
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        ray.init(
            address="local",
            num_cpus=self.workers,
            object_store_memory=OBJECT_STORE_BYTES,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="warning",
        )
        gpus = int(ray.cluster_resources().get("GPU", 0))
        if self.use_gpu and gpus < self.workers:
            raise InputError(
                f"{self.workers} workers need one GPU each, but Ray finds {gpus} on this machine. "
                "Lower --workers, or set --gpu-id -1."
            )


def _import_ray() -> Any:
    try:
        import ray
        import ray.data
    except ImportError:
        raise InputError(f"Ray is needed for this engine: {install_extra('ray')}") from None
    return ray
