"""What the responses of an application carry: cookies, headers, redirects, pages."""
