"""Making what istar ships: organisms, small targets, and the statistician's calibration. Nothing else imports this."""
