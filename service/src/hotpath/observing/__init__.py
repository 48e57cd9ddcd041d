"""What is told about each request: its id, its access log line, its trace."""
