"""The HTTP face: every route parses, calls one function, and renders."""
