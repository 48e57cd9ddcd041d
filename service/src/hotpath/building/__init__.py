"""From a model source to a built model on disk."""
