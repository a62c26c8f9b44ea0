"""A case from the queue to the decision, in three steps: blind judgement, reveal, decision."""
