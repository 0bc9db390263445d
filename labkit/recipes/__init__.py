"""How the course's own weights were made; nothing imports it."""
