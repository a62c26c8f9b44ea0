"""Values that the stages pass on: picture, face, embedding, identity, measure."""
