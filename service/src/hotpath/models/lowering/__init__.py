"""From a traced network to the few operations that a processor runs fused.

`graph.lower` reads a frozen TorchScript graph into a `Program`: convolutions that carry their batch norm,
their addition and their activation, and a classifying head. `ranges.quantise` makes its
8-bit form. The engine's back end `onednn` runs a program; nothing here depends on a processor.
"""
