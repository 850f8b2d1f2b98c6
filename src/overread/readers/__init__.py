"""What several readers said of the same items: how well they agree, and what they say together."""
