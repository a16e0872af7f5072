"""The encoder's network as an ONNX graph, run by onnxruntime on a CPU.

The graph is exported by torch and optionally quantized by onnxruntime's dynamic
quantization: weights are rounded to 8 bits once, activations at each call.
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

# Maximum difference between the outputs of the graph and of torch. Rounding in fp32 stays
# below it, a wrong graph does not.
TOLERANCE = 1e-2


def require_onnx() -> ModuleType:
    """RETURNS (ModuleType): onnxruntime.
    RAISES: InputError if onnxruntime or a package for the export is not installed."""
    for name in ("onnx", "onnxscript", "onnxruntime"):
        try:
            module = importlib.import_module(name)
        except ImportError as error:
            raise InputError(
                f"the package {name} is needed for ONNX: {install_extra('onnx')}. Or set "
                f'runtime = "torch". ({error})'
            ) from None
    return module


class Network(nn.Module):
    """The network to export. It outputs hidden states and, if there is a head, tag scores.

    encoder (Encoder): The encoder, on the CPU.
    head (nn.Linear | None): The layer from hidden states to tag scores.
    """

    def __init__(self, encoder: Encoder, head: Optional[nn.Linear] = None):
        super().__init__()
        self.encoder = encoder
        self.head = head
        self.eval()

    @property
    def output_names(self) -> list[str]:
        """RETURNS (list[str]): The names of the outputs."""
        return ["last_hidden_state"] + ["logits"] * (self.head is not None)

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        word_shapes: Optional[torch.Tensor] = None,
        word_continues: Optional[torch.Tensor] = None,
    ) -> tuple[torch.Tensor, ...]:
        """Run the network. For the parameters, see `Encoder.hidden_states`.

        RETURNS (tuple[Tensor, ...]): The hidden states, (windows, length, width), and, if
            there is a head, the tag scores, (windows, length, tags).
        """
        hidden = self.encoder.hidden_states(input_ids, attention_mask, word_shapes, word_continues)
        return (hidden,) if self.head is None else (hidden, self.head(hidden))


class OnnxNetwork:
    """Replacement for an encoder's network, with its current weights.

    encoder (Encoder): The encoder, on the CPU.
    is_int8 (bool): Whether to quantize the graph.
    threads (int): Number of threads.
    RAISES: InputError if the encoder cannot be exported.
    """

    def __init__(self, encoder: Encoder, is_int8: bool, threads: int):
        # Use files, because a protobuf message cannot hold a graph of 2 GB or more.
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            path = Path(folder, "model.onnx")
            export(Network(encoder), path)
            if is_int8:
                quantize(path, reduce_range=not cpu_has("avx512_vnni", "avx_vnni"))
            self._session = load_session(path, threads)

    def __call__(self, inputs: Inputs) -> torch.Tensor:
        """inputs (Inputs): Inputs from `Encoder.inputs`.
        RETURNS (Tensor): The hidden states. Shape: (windows, length, width)"""
        return torch.from_numpy(self._session.run(["last_hidden_state"], inputs)[0])


def load_session(path: Path, threads: int) -> "InferenceSession":
    """Load a graph.

    path (Path): The graph's file.
    threads (int): Number of threads.
    RETURNS (InferenceSession): The session that runs it.
    """
    onnxruntime = require_onnx()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Otherwise it stores a memory plan for every batch shape.
    options.enable_mem_pattern = False
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def export(network: Network, path: Path) -> None:
    """Write a network as an ONNX graph that takes any number of windows of any length, and
    check that its outputs equal those of torch.

    network (Network): The network.
    path (Path): The output file. For graphs of 2 GB or more, a second file is written next
        to it.
    RAISES: InputError if the network cannot be exported or the outputs differ.
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
        assert program is not None  # dynamo=True
        # Tell the quantizer that the graph needs no preprocessing.
        program.model.metadata_props["onnx.quant.pre_process"] = "onnxruntime.quant"
        program.save(path)
        session = load_session(path, 1)
        # Use other shapes than the example's, to notice a dimension exported as fixed.
        found = [difference(network, session, _example(network, *of)) for of in ((1, 1), (3, 5))]
    except Exception as error:  # the libraries raise errors of many types
        raise _cannot(network, f"{type(error).__name__}: {error}") from None
    if not all(one < TOLERANCE for one in found):
        raise _cannot(network, f"its {network.output_names[-1]} would differ by {max(found):.2g}")


def quantize(path: Path, *, reduce_range: bool) -> None:
    """Quantize the matrix products of a graph in place.

    path (Path): The graph's file.
    reduce_range (bool): Whether to use 7 bits for the weights, because sums of 8-bit
        products overflow on x86 processors without VNNI.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    graph = onnx.load(path, load_external_data=False).graph
    products = [node.name for node in graph.node if node.op_type == "MatMul"]
    quantize_dynamic(
        path,
        path,
        op_types_to_quantize=["MatMul"],
        # The head, if there is one, is the last product. It is small and needs precision.
        nodes_to_exclude=products[-1:] if len(graph.output) > 1 else [],
        per_channel=True,
        reduce_range=reduce_range,
        weight_type=QuantType.QInt8,
    )
    # The weights of a large graph, which are in the quantized graph now.
    path.with_name(f"{path.name}.data").unlink(missing_ok=True)


def difference(network: Network, session: "InferenceSession", inputs: Inputs) -> float:
    """Compare a graph with its network.

    network (Network): The network.
    session (InferenceSession): The session that runs the graph.
    inputs (Inputs): Inputs from `Encoder.inputs`.
    RETURNS (float): The largest difference in the last output, except for padding.
    """
    with torch.inference_mode():
        expected = network(**{name: torch.from_numpy(array) for name, array in inputs.items()})[-1]
    found = session.run(network.output_names[-1:], inputs)[0]
    is_text = inputs["attention_mask"].astype("bool")
    return float(numpy.abs(found - expected.numpy())[is_text].max())


def _example(network: Network, windows: int, length: int) -> Inputs:
    """Create example inputs, with padding if there is more than one window."""
    inputs = {name: numpy.ones((windows, length), "int64") for name in network.encoder.input_names}
    inputs["attention_mask"][1:, length // 2 :] = 0
    return inputs


def _cannot(network: Network, reason: str) -> InputError:
    return InputError(
        f"{type(network.encoder.transformer).__name__} cannot be exported to ONNX. Set "
        f'runtime = "torch". ({" ".join(reason.split())[:300]})'
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence torch's export messages."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
