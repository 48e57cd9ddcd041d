"""Build stub rpms."""

from __future__ import annotations

from pathlib import Path

from .cache import run
from .catalog import DOUBLES, Package, Source

_HEAD = """\
%global debug_package %{{nil}}
%global __os_install_post %{{nil}}
Name: hotpath-double-{name}
Epoch: {epoch}
Version: {version}
Release: {release}
Summary: Test doubles
License: Apache-2.0
AutoReqProv: no
%description
Test doubles: nothing in here is NVIDIA's or CentOS's.
"""


def build_rpms(source: Source, build: str, target: Path, work: Path) -> None:
    """Build every package of `source` at `build` (version-release) into the folder `target`."""
    work.mkdir(parents=True)
    spec = work / f"{source.name}.spec"
    spec.write_text(render_spec(source, build, work))
    defines = {
        "_topdir": work,
        "_rpmdir": target,
        "_dbpath": work / "db",
        "_build_name_fmt": "%%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm",
        "_binary_payload": "w6.gzdio",  # EL8's rpm reads no newer compression
    }
    options = [word for name, value in defines.items() for word in ("--define", f"{name} {value}")]
    run(["rpmbuild", "-bb", "--quiet", "--target", "x86_64", *options, spec])


def render_spec(source: Source, build: str, work: Path) -> str:
    """Return the spec of one build; the files it installs are written below `work`."""
    version, _, release = build.partition("-")
    evr = (f"{source.epoch}:" if source.epoch else "") + build
    names = {"version": version, "evr": evr}
    head = _HEAD.format(name=source.name, epoch=source.epoch, version=version, release=release)
    install, sections = ["%install"], []
    for package in source.contents(version):
        sections.append(_package_section(package, names))
        listed = []
        for number, (path, original) in enumerate(package.files.items()):
            path = path.format(**names)
            content = _filled(DOUBLES / "files" / original, version)
            made = work / f"{package.name.format(**names)}.{number}"
            made.write_text(content)
            mode = "755" if content.startswith("#!") else "644"
            # One path may belong to several packages that are never installed together.
            install.append(f"install -D -m {mode} {made} %{{buildroot}}{path}")
            listed.append(path)
        sections.append(f"%files -n {package.name.format(**names)}\n" + "\n".join(listed))
    return "\n".join([head, *sections, *install, ""])


def _package_section(package: Package, names: dict[str, str]) -> str:
    name = package.name.format(**names)
    lines = [f"%package -n {name}", f"Summary: Test double of {name}", "AutoReqProv: no"]
    if package.epoch is not None:
        lines.append(f"Epoch: {package.epoch}")
    for tag in ("requires", "provides", "conflicts"):
        lines += [f"{tag.capitalize()}: {text.format(**names)}" for text in getattr(package, tag)]
    return "\n".join([*lines, f"%description -n {name}", "Test double."])


def _filled(path: Path, version: str) -> str:
    major, minor, patch = [*version.split("."), "0", "0"][:3]
    marks = {"@VERSION@": version, "@MAJOR@": major, "@MINOR@": minor, "@PATCH@": patch}
    text = path.read_text()
    for mark, value in marks.items():
        text = text.replace(mark, value)
    return text
