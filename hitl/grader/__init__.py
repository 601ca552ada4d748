"""The TaskGrader: which documents the next level reviews, learned from what reviews changed."""
