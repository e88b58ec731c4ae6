"""Made-up floor plans: rooms, walls, doors and windows, and how they look as an image and as model.svg."""
