"""Object detection: from an encoded picture to the things in it, each with a box around it."""
