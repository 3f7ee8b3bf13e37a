"""What was recorded and what is kept of it: the ledger and the archive. Follows the journal."""
