"""What models do, each kind a Task: classifying images, so far. A task alone knows what an answer says."""
