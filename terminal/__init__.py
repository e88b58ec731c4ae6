"""What the commands write to a terminal: one place, in which text from outside cannot do more than be read."""
