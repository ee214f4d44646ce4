"""What is done: fit, draw, measure, and the plan that orders them."""
