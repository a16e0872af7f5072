"""What a file says: columns to documents, documents to DocBin, and the check."""
