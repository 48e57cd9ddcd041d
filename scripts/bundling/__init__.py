"""What the hosts install, built once on the controller and named after its content."""
