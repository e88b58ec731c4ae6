"""Floor plans that nobody has drawn: rooms, walls, furniture, and how they look as a picture and as model.svg."""
