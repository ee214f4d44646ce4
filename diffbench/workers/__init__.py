"""Where work is done: in this process, on workers of this machine, on a cluster."""
