"""The one reader of tar.gz archives, which others may have packed: for pipeline, training and terminal."""
