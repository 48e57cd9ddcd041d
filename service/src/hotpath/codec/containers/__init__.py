"""One module for each container format: `read_header(body)` finds what matters without decoding pixels.

A reader raises `ImageError`, or `struct.error` where the body ends inside a field, which `probe` translates.
"""
