"""How the parts of an application fit together: versions, routers, mounted applications."""
