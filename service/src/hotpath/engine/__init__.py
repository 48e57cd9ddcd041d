"""The engine process: back ends, batch loop and warm-up."""
