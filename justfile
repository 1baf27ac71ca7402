set shell := ["bash", "-uc"]
export UV_PYTHON_DOWNLOADS := "never"

# list the recipes
default:
    @just --list

# the fast tests (under a minute)
test *ARGS:
    uv run pytest -n 2 -m "not slow" {{ARGS}}

# everything CI checks
check:
    python3 bootstrap.py test

# format and fix what can be fixed
fix:
    uv run ruff format .
    uv run ruff check --fix .

# records per second for extract, transform and load; ratios against named peers in the same run
bench *ARGS:
    uv run python -m benchmarks {{ARGS}}

# a whole migration of a demo clinic into a local sandbox, verified and rolled back
demo *ARGS:
    uv run crosswalk demo {{ARGS}}
