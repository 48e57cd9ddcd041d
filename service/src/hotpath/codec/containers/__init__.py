"""One module for each container format: `read_header(body)` finds size and orientation without decoding pixels.

A reader raises `ImageError`, or `struct.error` where the body ends inside a field; `probe` turns that into an answer.
"""
