"""Build and sign stub rpms."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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
    run(
        ["rpmbuild", "-bb", "--quiet", "--target", "x86_64", "--define", f"_topdir {work}", "--define", f"_rpmdir {target}",
         "--define", f"_dbpath {work}/db", "--define", "_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm",
         "--define", "_binary_payload w6.gzdio", spec]
    )  # fmt: skip


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
    major, minor, patch = (version.split(".") + ["0", "0"])[:3]
    marks = {"@VERSION@": version, "@MAJOR@": major, "@MINOR@": minor, "@PATCH@": patch}
    text = path.read_text()
    for mark, value in marks.items():
        text = text.replace(mark, value)
    return text


@dataclass(frozen=True)
class Signer:
    """A signing key that lives in a keyring of its own."""

    home: Path
    fingerprint: str
    clock: str  # gpg's faked system time, empty for now

    def public_key(self) -> str:
        """The armored public key."""
        return run(["gpg", "--armor", "--export", self.fingerprint], env={"GNUPGHOME": str(self.home)})

    def sign(self, rpms: Sequence[Path]) -> None:
        """Sign rpm files in place."""
        command = ["rpmsign", "--define", f"_gpg_name {self.fingerprint}", "--define", "__gpg /usr/bin/gpg",
                   "--define", f"_gpg_path {self.home}"]  # fmt: skip
        if self.clock:
            command += ["--define", f"_gpg_sign_cmd_extra_args --faked-system-time {self.clock}"]
        run([*command, "--addsign", *map(str, rpms)])


@contextmanager
def keyring() -> Iterator[Path]:
    """A throwaway keyring; short path because gpg-agent's socket lies in it."""
    home = Path(tempfile.mkdtemp(prefix="hp-gpg-"))
    try:
        yield home
    finally:
        run(["gpgconf", "--homedir", home, "--kill", "all"])
        shutil.rmtree(home, ignore_errors=True)


def new_signer(home: Path, owner: str, *, clock: str = "", expires: str = "never") -> Signer:
    """Generate an RSA key, which EL8's rpm can read; `clock` as 20190101T000000 dates it back."""
    env = {"GNUPGHOME": str(home)}
    faked = ["--faked-system-time", clock] if clock else []
    run(["gpg", "--batch", "--quiet", "--passphrase", "", *faked, "--quick-gen-key", owner, "rsa2048", "sign", expires], env=env)
    listing = run(["gpg", "--batch", "--with-colons", "--list-keys", owner], env=env)
    fingerprint = next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr:"))
    return Signer(home, fingerprint, clock)
