"""From a face in a picture to a template, and how similar two are."""
