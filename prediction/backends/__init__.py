"""What runs a model: torch, or onnxruntime or OpenVINO with its exported form. Each needs its own package only."""
