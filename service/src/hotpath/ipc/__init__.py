"""Links between the processes: the arena of slots, control messages and the client of the engines."""
