"""What a response must look like as HTTP, whatever carries it."""
