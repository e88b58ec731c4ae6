"""Weighted bilinear sampling of all scales, the heart of deformable attention, as one operator of PyTorch."""
