"""How the statistician's calibration is made: `python -m istar.making.statistician.calibrate`."""
