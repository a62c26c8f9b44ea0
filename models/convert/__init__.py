"""From a published file to a plain fp32 ONNX graph."""
