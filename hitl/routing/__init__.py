"""Which reading needs a person, and why; which fields are checked blind; what another policy would have asked."""
