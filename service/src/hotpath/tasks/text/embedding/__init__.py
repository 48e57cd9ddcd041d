"""Sentence embeddings: from a text to a vector of length one, near to those of texts that mean the same."""
