"""The labs as pages: their experiments run in a process of their own, which is the only one here with torch."""
