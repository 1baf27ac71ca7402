"""Where the program begins: `crosswalk`, and `python -m crosswalk.cli`."""

import sys


def main() -> None:
    """The console script. Ctrl-C while the program itself is being read, which takes seconds, is a pause like any other."""
    try:
        from crosswalk.cli.app import main as begin
    except KeyboardInterrupt:
        sys.stderr.write("Paused before anything began: call it again.\n")
        sys.exit(130)
    begin()


if __name__ == "__main__":
    main()
