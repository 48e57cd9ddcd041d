"""The batching policy, free of input, output and clocks."""
