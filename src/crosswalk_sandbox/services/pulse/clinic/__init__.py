"""The demo clinic: a made-up clinic in full, with every deviation planted on purpose and listed."""
