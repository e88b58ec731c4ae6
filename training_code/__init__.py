"""Training and inference of the wall-and-room detector: the code that travels into the SageMaker container."""
