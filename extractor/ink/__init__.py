"""What is drawn and not printed: tick boxes, pens, stamps, and the doubt that they cast."""
