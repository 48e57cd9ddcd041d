"""Image classification: from an encoded photograph to its best classes."""
