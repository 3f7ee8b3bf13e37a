"""Orders (工单) and the way to other platforms. Follows the journal."""
