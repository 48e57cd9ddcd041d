"""Plain tensors in, plain tensors out; and the base of users' own tasks."""
