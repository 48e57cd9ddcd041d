"""Every check that wants a GPU, for whatever machine has one: `make gpu`."""
