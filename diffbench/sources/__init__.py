"""Where scores come from: each file a source, found by itself."""
