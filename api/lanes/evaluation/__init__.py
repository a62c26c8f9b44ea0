"""The evaluation of the matcher in service: counts, rates, alarms."""
