"""Text classification: from a text to its best labels."""
