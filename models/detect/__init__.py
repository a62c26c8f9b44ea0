"""Find faces and their landmarks in a picture."""
