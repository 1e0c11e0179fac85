"""From the photo sets to batches of training scenes."""
