"""Training of the starter checkpoints `yolov8n-portrait` and `birefnet-nano`, from scratch."""
