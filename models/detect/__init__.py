"""Find faces and their landmarks in a picture, and bring one onto a layout."""
