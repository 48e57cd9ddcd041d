"""The back end `tensorrt`: Torch-TensorRT engines in half precision, one for each batch size.

`key` says which engines fit, `store` keeps them beside the model, `compiling` makes and judges them, `lanes`
takes turns between batches in flight, `graphs` replays a batch as one CUDA graph, `backend` puts it together.
`asked` is for commands. `key`, `store` and `lanes` need no GPU and no torch.
"""
