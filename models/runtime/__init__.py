"""Run a network on this machine: one door to ONNX Runtime, providers, threads, arithmetic."""
