"""From words to field values: candidates, scorers, calibrated confidence."""
