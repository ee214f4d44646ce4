"""What is compiled: training, sampling, likelihoods, and the score functions they run on."""
