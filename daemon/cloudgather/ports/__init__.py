"""What the pipeline needs from the world, as Protocols whose docstrings state the law."""
