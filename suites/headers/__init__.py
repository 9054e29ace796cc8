"""What httplint says of a response's headers: run where it is asked for, since the linter is an extra."""
