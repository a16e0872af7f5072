"""`spacy ner export-onnx`."""

from pathlib import Path

import typer
from wasabi import msg


def export_onnx_cli(
    # fmt: off
    model: str = typer.Argument(..., help="Pipeline name or path"),
    output_dir: Path = typer.Argument(..., help="Folder for the graph"),
    int8: bool = typer.Option(
        False,
        "--int8",
        help="Weights in 8 bits, of which 7 are used so that any processor can run them: faster on a CPU, and a quarter of the size except for the embeddings",
    ),
    # fmt: on
) -> None:
    """Export the encoder and the head as an ONNX graph.

    Writes what is needed to use it without spaCy and torch, too.

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
