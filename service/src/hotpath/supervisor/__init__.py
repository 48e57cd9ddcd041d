"""The supervisor: sockets, shared memory, children, systemd."""
