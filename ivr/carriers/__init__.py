"""The carriers: the only code that knows a phone network. Each is an adapter of `ivr.ports.Carrier`."""
