"""Medical formats behind the one manifest: each reader a small file, its library imported when it is needed."""
