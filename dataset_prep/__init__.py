"""From what a person has (CubiCasa5K, YOLO, COCO) to the data set that DINO trains on, checked, shown and in S3."""
