"""Annotators at work: tasks and leases, answers, consensus, audits, reviews, control tasks, conduct."""
