"""DINO (arXiv 2203.03605) in plain PyTorch, one file an idea; model.py joins them."""
