"""The encoder's network as an ONNX graph, run by onnxruntime on a CPU.

Exported by torch itself, and quantized, where that is wanted, by onnxruntime's dynamic
quantization: weights are rounded to 8 bits once, what they are multiplied by each time.
"""

import importlib
import logging
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Literal, Optional

import numpy
import torch
from torch import nn

from ..errors import InputError, install_extra
from .network import Encoder, Inputs
from .precision import cpu_has

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Runtime = Literal["torch", "onnx", "onnx-int8"]

# What outputs may differ by from torch's: a wrong graph's do by more, rounding in fp32
# does by less.
TOLERANCE = 1e-2


def require_onnx() -> ModuleType:
    """RETURNS (ModuleType): onnxruntime.
    RAISES: InputError if it, or what exports to it, is not installed."""
    for name in ("onnx", "onnxscript", "onnxruntime"):
        try:
            module = importlib.import_module(name)
        except ImportError as error:
            raise InputError(
                f"the package {name} is needed for ONNX: {install_extra('onnx')}. Without it "
                'runtime = "torch" is left. '
                f"({error})"
            ) from None
    return module


class Network(nn.Module):
    """What is exported: a network from its inputs to hidden states, and to scores of
    tags where there is a head.

    encoder (Encoder): The encoder, on the CPU.
    head (nn.Linear | None): Takes hidden states.
    """

    def __init__(self, encoder: Encoder, head: Optional[nn.Linear] = None):
        super().__init__()
        self.encoder = encoder
        self.head = head
        self.eval()

    @property
    def output_names(self) -> list[str]:
        """RETURNS (list[str]): What the outputs are called."""
        return ["last_hidden_state"] + ["logits"] * (self.head is not None)

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        word_shapes: Optional[torch.Tensor] = None,
        word_continues: Optional[torch.Tensor] = None,
    ) -> tuple[torch.Tensor, ...]:
        """See `Encoder.hidden_states`.

        RETURNS (tuple[Tensor, ...]): The hidden states, (windows, length, width), and
            the scores, (windows, length, tags).
        """
        hidden = self.encoder.hidden_states(input_ids, attention_mask, word_shapes, word_continues)
        return (hidden,) if self.head is None else (hidden, self.head(hidden))


class OnnxNetwork:
    """Takes the place of an encoder's network, with the weights it has now.

    encoder (Encoder): The encoder, on the CPU.
    is_int8 (bool): Whether it is quantized.
    threads (int): How many threads it has.
    RAISES: InputError if the encoder cannot be exported.
    """

    def __init__(self, encoder: Encoder, is_int8: bool, threads: int):
        # Files, because a graph of 2 GB or more does not fit in one message.
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            path = Path(folder, "model.onnx")
            export(Network(encoder), path)
            if is_int8:
                quantize(path, reduce_range=not cpu_has("avx512_vnni", "avx_vnni"))
            self._session = load_session(path, threads)

    def __call__(self, inputs: Inputs) -> torch.Tensor:
        """inputs (Inputs): As `Encoder.inputs` gives them.
        RETURNS (Tensor): The hidden states. Shape: (windows, length, width)"""
        return torch.from_numpy(self._session.run(["last_hidden_state"], inputs)[0])


def load_session(path: Path, threads: int) -> "InferenceSession":
    """Load a graph.

    path (Path): Its file.
    threads (int): How many threads it has.
    RETURNS (InferenceSession): What runs it.
    """
    onnxruntime = require_onnx()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # It would keep a plan for every shape of batches that it has met.
    options.enable_mem_pattern = False
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def export(network: Network, path: Path) -> None:
    """Write a network as an ONNX graph that takes any number of windows of any length,
    and see that it gives what torch gives.

    network (Network): The network.
    path (Path): The file. One of 2 GB or more gets another beside it.
    RAISES: InputError if torch or onnxruntime cannot do that.
    """
    require_onnx()
    inputs = _example(network, 2, 8)
    try:
        with _quiet(), torch.no_grad():
            program = torch.onnx.export(
                network,
                kwargs={name: torch.from_numpy(array) for name, array in inputs.items()},
                input_names=list(inputs),
                output_names=network.output_names,
                dynamic_shapes={name: {0: "windows", 1: "length"} for name in inputs},
                dynamo=True,
                verbose=False,
            )
        # The quantizer's own mark of a graph that needs no preparing, as this one.
        program.model.metadata_props["onnx.quant.pre_process"] = "onnxruntime.quant"
        program.save(path)
        session = load_session(path, 1)
        # Other shapes than that of the example, lest one was taken for fixed.
        found = [difference(network, session, _example(network, *of)) for of in ((1, 1), (3, 5))]
    except Exception as error:  # each part of each library has its own
        raise _cannot(network, f"{type(error).__name__}: {error}") from None
    if not all(one < TOLERANCE for one in found):
        raise _cannot(network, f"its {network.output_names[-1]} would differ by {max(found):.2g}")


def quantize(path: Path, *, reduce_range: bool) -> None:
    """Quantize a graph in its place: the products of hidden states with weights.

    path (Path): Its file.
    reduce_range (bool): Whether weights have 7 bits, because sums of products of 8 bits
        overflow on x86 processors without VNNI.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    graph = onnx.load(path, load_external_data=False).graph
    products = [node.name for node in graph.node if node.op_type == "MatMul"]
    quantize_dynamic(
        path,
        path,
        op_types_to_quantize=["MatMul"],
        # The head's is the last, if there is one. It is small, and decides.
        nodes_to_exclude=products[-1:] if len(graph.output) > 1 else [],
        per_channel=True,
        reduce_range=reduce_range,
        weight_type=QuantType.QInt8,
    )
    # Where the weights of a large graph were; what is left of them is in it.
    path.with_name(f"{path.name}.data").unlink(missing_ok=True)


def difference(network: Network, session: "InferenceSession", inputs: Inputs) -> float:
    """Compare a graph with its network.

    network (Network): The network.
    session (InferenceSession): What runs the graph.
    inputs (Inputs): As `Encoder.inputs` gives them.
    RETURNS (float): The largest difference of the last output, padding's left out.
    """
    with torch.inference_mode():
        expected = network(**{name: torch.from_numpy(array) for name, array in inputs.items()})[-1]
    found = session.run(network.output_names[-1:], inputs)[0]
    is_text = inputs["attention_mask"].astype("bool")
    return float(numpy.abs(found - expected.numpy())[is_text].max())


def _example(network: Network, windows: int, length: int) -> Inputs:
    """Inputs with padding, if there is more than one window."""
    inputs = {name: numpy.ones((windows, length), "int64") for name in network.encoder.input_names}
    inputs["attention_mask"][1:, length // 2 :] = 0
    return inputs


def _cannot(network: Network, reason: str) -> InputError:
    return InputError(
        f"{type(network.encoder.transformer).__name__} cannot be exported to ONNX, so runtime = "
        f'"torch" is left. ({" ".join(reason.split())[:300]})'
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep torch from telling how it exports."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
