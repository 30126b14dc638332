"""The same models fitted by mejax and by other software, side by side in one run: `python -m benchmarks --help`."""
