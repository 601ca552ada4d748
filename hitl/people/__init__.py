"""Who people are: accounts, API keys, who may do what, skills and track record, promotion and messages."""
