"""How well a candidate fits a field: features, neighbourhood network and gradient-boosted trees."""
