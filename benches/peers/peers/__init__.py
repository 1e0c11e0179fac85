"""Times both networks side by side with PyTorch, onnxruntime and OpenVINO."""
