"""One look at what comes in, before anything is computed."""
