"""Runs Crosswalk from a fresh clone with nothing but Python 3.11+: brings uv when it is missing, then does what is asked.

python3 bootstrap.py demo [OPTIONS]    a whole migration of a demo clinic into a local sandbox, verified and rolled back
python3 bootstrap.py test              everything CI checks: format, lint, types, import contract, tests
python3 bootstrap.py crosswalk ARGS    any other command line
"""

import os
import shutil
import signal
import ssl
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
TOOLS = ROOT / ".tools"
CHECKS = (
    ("ruff", "format", "--check", "."),
    ("ruff", "check", "."),
    ("lint-imports",),
    ("pyright",),
    ("pytest", "-n", "2", "--dist", "loadscope", "--no-loadscope-reorder"),
)


def uv() -> list[str]:
    """The command that starts uv: the one on PATH, else one installed from PyPI into .tools."""
    if found := shutil.which("uv"):
        return [found]
    own = TOOLS / "uv"
    if not own.exists():
        print("uv is missing: installing it into .tools", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--target", str(own), "uv"], check=True)
    return [str(next(path for path in (own / "bin" / "uv", own / "Scripts" / "uv.exe") if path.exists()))]


def exit_code(command: list[str], folder: Path | None, environment: dict[str, str]) -> int:
    """What the command ends with. It gets Ctrl-C as we do, and pauses; we wait for that. A request to end is passed on."""
    process = subprocess.Popen(command, cwd=folder, env=environment)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


def main(arguments: list[str]) -> int:
    """The exit code of the first command that failed, else 0."""
    if sys.version_info < (3, 11):  # noqa: UP036 - an older Python gets words, not a traceback
        print(f"Crosswalk needs Python 3.11 or newer; this is {sys.version.split()[0]}.", file=sys.stderr)
        return 2
    if not arguments or arguments[0] not in ("demo", "test", "crosswalk"):
        print(__doc__, file=sys.stderr)
        return 2
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "UV_PYTHON": sys.executable}
    environment.pop("VIRTUAL_ENV", None)
    # Clinics' proxies sign with certificates of their own, which the machine knows and uv's own list does not.
    if ssl.create_default_context().cert_store_stats()["x509_ca"]:
        environment.setdefault("UV_SYSTEM_CERTS", "1")
    verb, rest = arguments[0], arguments[1:]
    run = [*uv(), "run", "--frozen", "--project", str(ROOT), *(["--no-dev"] if verb != "test" else [])]
    commands = [[*check, *rest] if check[0] == "pytest" else list(check) for check in CHECKS] if verb == "test" else []
    if verb != "test":
        commands = [["crosswalk", *(["demo"] if verb == "demo" else []), *rest]]
    for command in commands:
        print("$", " ".join(command), file=sys.stderr, flush=True)
        if verb != "test" and os.name == "posix":
            # It takes this process's place: Ctrl-C and a kill reach it, and nothing is left behind.
            os.execvpe(run[0], [*run, *command], environment)
        if code := exit_code([*run, *command], ROOT if verb == "test" else None, environment):
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
