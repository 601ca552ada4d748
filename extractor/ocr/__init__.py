"""Engines that turn a page image into words, behind one protocol."""
