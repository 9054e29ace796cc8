"""What becomes of an exception that an application has an answer for."""
