"""What `import diffbench` offers: the instrument as functions, for notebooks and programs.

Each function builds the specifications that a suite would, so that the same request gives the same bits
from a notebook and from the command line. Data coordinates in and out; nothing here prints.
"""
