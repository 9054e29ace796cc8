"""Whether what an application says about itself is true."""
