"""What the networks are asked to make small."""
