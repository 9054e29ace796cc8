"""Rules about the layers around an application."""
