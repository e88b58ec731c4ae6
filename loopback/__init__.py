"""Whose requests a server on the loopback takes; the embedded AWS and the page for plans use it."""
