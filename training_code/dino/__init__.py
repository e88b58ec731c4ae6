"""DINO (arXiv 2203.03605) in plain PyTorch, one idea a file; model.py joins them."""
