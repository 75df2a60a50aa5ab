"""A model as files that need no Maskloop: graphs of torch.export and ONNX, a script, a card."""
