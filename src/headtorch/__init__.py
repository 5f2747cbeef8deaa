"""headtorch: run a PyTorch training script unchanged and say why the network does not learn."""

__version__ = "0.1.0"
