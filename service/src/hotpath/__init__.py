"""Hotpath: a batched, observed image inference service whose request path is planned from the hardware."""

__version__ = "0.1.0"
