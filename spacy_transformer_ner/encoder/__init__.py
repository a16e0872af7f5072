"""The transformer encoder: wordpieces, windows, the network, and its optimizer."""
