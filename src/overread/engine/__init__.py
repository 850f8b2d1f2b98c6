"""The engine: methods, their memory, and the one loop that trains them."""
