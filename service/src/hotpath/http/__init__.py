"""The HTTP side: routes, limits, error answers and the worker process."""
