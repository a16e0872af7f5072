"""`spacy ner export-onnx`."""

from pathlib import Path

import typer
from wasabi import msg

from ._util import PIPELINE


def export_onnx_cli(
    model: str = PIPELINE,
    output_dir: Path = typer.Argument(..., help="Folder for the graph"),
    int8: bool = typer.Option(
        False,
        "--int8",
        help="Quantize the weights to 8 bits, except for the embeddings: smaller, and faster than fp32 on a CPU",
    ),
) -> None:
    """Export the encoder and the head as an ONNX graph.

    Also writes all that is needed to use the graph without spaCy and torch.

    \b
    Example:
      python -m spacy ner export-onnx en_ner_mine graph --int8
    """
    from ..exchange.export_onnx import TOLERANCE, export_onnx
    from ..files import new_folder
    from ..loading import load_pipeline

    with new_folder(output_dir) as new:
        exported = export_onnx(load_pipeline(model), new, is_int8=int8)
    msg.good(f"Graph, tokenizer and README: {output_dir}")
    print(
        f"Its scores differ from the pipeline's fp32 scores by at most {exported.difference:.1g} "
        f"(tolerance: {TOLERANCE:.0e})."
    )
    if exported.int8_difference is not None:
        print(
            f"The int8 logits differ by up to {exported.int8_difference:.2g}. Measure the effect "
            "on F1 with your own data."
        )
