"""`python -m crosswalk.cli`: the same as `crosswalk`."""

from crosswalk.cli.app import main

main()
