"""`estat`: variances, correlations, degrees of freedom, information criteria."""
