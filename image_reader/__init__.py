"""The one reader of images for preparation, training and prediction: Pillow, and the PNG rules of dataset_contract."""
