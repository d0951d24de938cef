"""The `driftlab` command. Arguments are read before anything heavy is imported."""

import argparse
import functools
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from figures.commands import COMMANDS
from figures.commands.arguments import OWN_OPTIONS, WITH_SETTINGS

__all__ = ["main", "start_jax"]

EXIT_INPUT, EXIT_INTERRUPTED = 2, 130

_EPILOG = """\
exit status: 0 as expected, 1 a verdict is not the expected one, 2 input to be mended,
130 stopped by Ctrl-C.

environment: DRIFTLAB_CATALOGUE adds catalogue modules (comma-separated); DRIFTLAB_CACHE
is the folder of compiled programs (default: driftlab in the user's cache directory).
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status."""
    own, fields = _split(list(sys.argv[1:] if arguments is None else arguments))
    options = _parser().parse_args(own)
    options.fields = fields
    from theory.validation import InputError

    try:
        if options.needs_jax:
            start_jax(options.platform)
        return options.run(options) or 0
    except InputError as e:
        print(f"driftlab: {e}", file=sys.stderr)
        return EXIT_INPUT
    except KeyboardInterrupt:
        print(
            "\ndriftlab: stopped. What is stored is whole; the same command resumes.",
            file=sys.stderr,
        )
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # `driftlab list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


@functools.cache  # once per process, whose threads share what JAX has compiled
def start_jax(platform: str | None = None) -> None:
    """Precision, devices and compilation cache, before JAX computes anything.

    Raises:
        InputError: JAX finds no device of that platform.
    """
    # JAX's cores are busy with replicas: threads inside a small solve only get in the way
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    import jax

    from sim.replicas import set_cpu_devices
    from sim.threefry import write_out_threefry
    from theory.precision import enable_x64
    from theory.validation import InputError

    cache = _cache_folder()
    if cache is not None:
        jax.config.update("jax_compilation_cache_dir", str(cache))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
    enable_x64()
    write_out_threefry()
    set_cpu_devices(int(os.environ.get("JAX_NUM_CPU_DEVICES") or os.cpu_count() or 1))
    if platform is not None:
        jax.config.update("jax_platforms", platform)
        try:
            jax.devices()
        except RuntimeError as e:
            raise InputError(
                f"--platform must be one that JAX finds here, got {platform!r}."
            ) from e


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="driftlab",
        description="Theories of model collapse, set against simulation.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version)
    commands = parser.add_subparsers(metavar="command", required=True)
    for module in COMMANDS:
        module.add_to(commands)
    return parser


def _split(arguments: list[str]) -> tuple[list[str], dict[str, str | None]]:
    """Take ``--field value`` out of the arguments of a command that has settings."""
    if not arguments or arguments[0] not in WITH_SETTINGS:
        return arguments, {}
    own, fields = [], {}
    rest = list(reversed(arguments))
    while rest:
        argument = rest.pop()
        name, equals, value = argument.partition("=")
        if not name.startswith("--") or name in OWN_OPTIONS:
            own.append(argument)
            continue
        if not equals:
            value = rest.pop() if rest and not rest[-1].startswith("--") else None
        fields[name[2:].replace("-", "_")] = value
    return own, fields


def _cache_folder() -> Path | None:
    """Where compiled programs are kept; None when that place cannot be written."""
    user = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(os.environ.get("DRIFTLAB_CACHE") or Path(user) / "driftlab") / "jax"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


class _Version(argparse.Action):
    """Prints the version; package metadata and commit are read only when asked for."""

    def __init__(self, option_strings, dest) -> None:
        super().__init__(option_strings, dest, nargs=0, help="version and commit")

    def __call__(self, parser, *_):
        from sim.store.provenance import commit, version

        print(f"driftlab {version('driftlab')}, commit {commit()}")
        parser.exit()


if __name__ == "__main__":
    sys.exit(main())
