"""The doors: REST, web pages, command line."""
