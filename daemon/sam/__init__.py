"""The engine `sam`: ONNX files of Segment Anything that an administrator gives. Without torch."""
