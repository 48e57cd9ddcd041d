"""Every error of the configuration names key, value, reason and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from hotpath.config import ConfigError, load

MODEL = '[[models]]\nname = "m"\npath = "/m"\n'


def read(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "hotpath.toml"
    path.write_text(text)
    return path


def test_what_is_left_out_has_the_documented_defaults(tmp_path: Path) -> None:
    config = load(read(tmp_path, MODEL))
    assert (config.server.port, config.server.workers, config.limits.queue) == (8000, 0, 256)
    assert (config.models[0].backend, config.models[0].devices) == ("torchscript", ["cpu"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[server]\nprot = 1\n" + MODEL, "server.prot = 1: there is no such key; did you mean 'port'?"),
        ("[sever]\n" + MODEL, "sever = {}: there is no such key; did you mean 'server'?"),
        (
            "[server]\nport = 70000\n" + MODEL,
            "server.port = 70000: input should be less than or equal to 65535. "
            "Set it to a TCP port; 0 takes a free one.",
        ),
        ('[server]\nlog_level = "loud"\n' + MODEL, "server.log_level = 'loud': input should be"),
        ("[server]\n", "models is missing: set it to at least one [[models]] table."),
        (MODEL + 'devices = ["gpu"]\n', "there is no device 'gpu'; a device is cpu or cuda:<number>."),
        (MODEL + MODEL, "models.name = 'm' appears more than once"),
        ("[server\n", "it is not valid TOML"),
        (
            '[server]\ntrusted_proxies = ["10.0.0.1", "proxy.example"]\n' + MODEL,
            "server.trusted_proxies: 'proxy.example' is neither an address nor a network; write one such as",
        ),
        (
            '[server]\ntrusted_proxies = ["10.1.2.3/8"]\n' + MODEL,
            "'10.1.2.3/8' is an address within a network; write '10.0.0.0/8' for all of it.",
        ),
        (
            "[server]\ntrusted_proxies = [5]\n" + MODEL,
            "server.trusted_proxies[0] = 5: input should be a valid",
        ),
        (
            '[server]\ntrusted_proxies = "10.0.0.1"\n' + MODEL,
            "server.trusted_proxies = '10.0.0.1': input should be a valid list. Set it to a list of the",
        ),
        (
            '[server]\nroot_path = "vision"\n' + MODEL,
            "server.root_path: 'vision' is no prefix of a path; write",
        ),
        ('[server]\nroot_path = "/vision/"\n' + MODEL, "server.root_path: '/vision/' is no prefix of a path"),
        ('[server]\nroot_path = "/a b"\n' + MODEL, "server.root_path: '/a b' is no prefix of a path"),
        (
            '[server]\ncors_origins = ["https://app.example/"]\n' + MODEL,
            "server.cors_origins: 'https://app.example/' is no origin as browsers send it; write",
        ),
        ('[server]\ncors_origins = ["https://a:443"]\n' + MODEL, "'https://a:443' is no origin as browsers"),
        (
            '[server]\ncors_origins = ["app.example"]\n' + MODEL,
            "'app.example' is no origin as browsers send it",
        ),
        ('[server]\ncors_origins = ["*", "https://a"]\n' + MODEL, "'*' is no origin as browsers send it"),
        (
            '[server]\nroot_path = "/v2/vision"\n' + MODEL,
            "server.root_path: '/v2/vision' begins as a path of the service itself; choose another prefix.",
        ),
    ],
)
def test_an_error_says_what_where_why_and_what_to_do(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(read(tmp_path, text))
    assert expected in str(caught.value)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(read(tmp_path, '[server]\nport = -1\nkeep_alive_s = 0\nnonsense = "x"\n' + MODEL))
    assert len(caught.value.problems) == 3


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"(?s)nowhere\.toml.*No such file"):
        load(tmp_path / "nowhere.toml")
