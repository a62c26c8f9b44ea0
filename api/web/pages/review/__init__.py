"""The officer's pages: the queue, a case, the shift, the own accuracy."""
