"""The formats that plans come in, each read into the same thing: source.Source."""
