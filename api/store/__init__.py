"""What the desk keeps: tables, the ledger, lanes, officers, and the queue with claim and lease."""
