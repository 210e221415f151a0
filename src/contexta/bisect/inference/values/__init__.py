"""Values of trials before any hypothesis: their scale, noise, outliers and drift."""
