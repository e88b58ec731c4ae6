"""What a valid data set is: its types, layout, manifest and checks. Standard library only: it also runs in Lambda."""
