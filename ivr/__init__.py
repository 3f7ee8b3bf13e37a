"""One call: its vocabulary, the pure flow, the engine that runs it, its journal and the carriers."""
