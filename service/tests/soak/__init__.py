"""Faults, overload, endurance and bad clients against a real service, with an account of every request."""
