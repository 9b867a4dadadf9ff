"""Random programs: small models of every sort, drawn, run for the truth, and held against the traces of archtrace."""
