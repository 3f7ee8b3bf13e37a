"""Who should answer: agents and their skills, the queue (ACD). Knows config only."""
