"""The host's own dnf: its settings, its repositories, its way out. Runs on Python 3.6, dnf 4.2 and later."""

import re
import sys
from typing import Any


class NoAnswer(Exception):
    """What cannot be had from the host's dnf or over it; the message names it and the reason, and holds no password."""


def load() -> Any:
    """The package dnf, which exists for the system's own Python alone."""
    try:
        import dnf
    except ImportError as error:
        raise NoAnswer(
            "{0} has no dnf ({1}); its bindings belong to the system's own Python. Set ansible_python_interpreter to "
            "/usr/libexec/platform-python".format(sys.executable, error)
        ) from error
    return dnf


def configured(dnf: Any) -> Any:
    """A dnf.Base with the settings of /etc/dnf, which the caller closes."""
    base = dnf.Base()
    try:
        base.conf.read()
    except dnf.exceptions.ConfigError as error:
        base.close()
        raise NoAnswer("dnf cannot read its settings: {0}".format(error)) from error
    base.conf.substitutions.update_from_etc("/", varsdir=base.conf.varsdir)
    return base


# What decides on the way out; the rest of the settings is about what is installed.
CONNECTION = (
    *("proxy", "proxy_username", "proxy_password", "proxy_auth_method", "ip_resolve", "timeout"),
    *("sslverify", "sslverifystatus", "sslcacert", "sslclientcert", "sslclientkey"),
)


def connect_alike(dnf: Any, base: Any) -> None:
    """Give another dnf.Base the way out of the host's own."""
    host = configured(dnf)
    for name in CONNECTION:
        if hasattr(host.conf, name):  # some are younger than dnf 4.2
            setattr(base.conf, name, getattr(host.conf, name))
    host.close()


def download(address: str, timeout: int) -> bytes:
    """The content at file:// or http(s)://, over dnf's proxy and with its certificates; `timeout` in seconds."""
    if address.startswith("file://"):
        try:
            with open(address[len("file://") :], "rb") as stream:
                return stream.read()
        except OSError as error:
            raise NoAnswer(str(error)) from error
    dnf = load()
    base = configured(dnf)
    try:
        base.conf.timeout = timeout
        with base.urlopen(address) as stream:
            return bytes(stream.read())
    except OSError as error:
        raise NoAnswer(without_credentials(str(error))) from error
    finally:
        base.close()


def without_credentials(text: str) -> str:
    """A text whose addresses name no user and no password."""
    return re.sub(r"(\w+://)[^/@\s]+@", r"\1", text)
