"""What a server must do; judged with an application of our own, never with a user's.

Every check sends a script with its request, and the application that promises ``server.script`` plays it: it receives,
sends, waits and fails as it is told, and keeps a record of what the server did. Verdicts take three sources: the bytes
on the wire, that record, and what the server process prints.
"""
