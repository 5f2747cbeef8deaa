"""What headtorch costs, beside nothing and beside two other tools, in one run of `python -m bench`."""
