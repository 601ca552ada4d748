"""Which reading needs a person, and why; what another policy would have asked."""
