"""What the model must beat, all trained on the same recordings and scored by the same code."""
