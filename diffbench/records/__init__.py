"""What is kept: a results folder that loses nothing."""
