"""The sentences of the documents, put to the test."""
