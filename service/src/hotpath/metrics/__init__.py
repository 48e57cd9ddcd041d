"""Metrics of all processes in one shared table."""
