"""Who people are: accounts, API keys, who may do what, skills, promotion and messages."""
