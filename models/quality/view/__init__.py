"""What the measures look at: one face, brought to one size."""
