"""Import and export: checkpoints, ONNX graphs, wheels and the Hugging Face Hub."""
