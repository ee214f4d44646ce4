"""What is asked for: suite files, checked and multiplied out before any work."""
