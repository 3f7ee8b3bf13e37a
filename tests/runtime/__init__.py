"""The runtime: what is downloaded, unpacked, mended and started. No test here needs the network."""
