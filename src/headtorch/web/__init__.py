"""The live page: a server on this machine alone that reads run files, and never writes one."""
