"""Active label cleaning: whom to ask, about which samples, and when to stop. Never imports torch."""
