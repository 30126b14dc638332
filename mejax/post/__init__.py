"""What can be done with a fit.  Every function takes `Estimates`, and the `Encoding` where it meets a table."""
