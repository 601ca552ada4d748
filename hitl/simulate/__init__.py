"""Replaying labelled documents through the production policy code with simulated people: what would it cost and err?"""
