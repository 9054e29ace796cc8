"""Real servers: an application in a process of its own, under a server that production might use.

:mod:`.driver` is the way in, :mod:`.process` what it manages, :mod:`.adapters` the servers. Nothing is imported
here: the server processes are to carry no more of the harness than they need.
"""
