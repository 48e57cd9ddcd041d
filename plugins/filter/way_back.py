"""Filter of the role inference_service: from what a host runs to a release or versions of models that it keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

__all__ = ["FilterModule", "way_back"]

ROOT, MODELS = "/opt/hotpath", "/var/lib/hotpath/models"


def way_back(kept: Mapping[str, Any], release: str = "", models: str = "") -> dict[str, Any]:
    """How a host gets to a `release` and to `models` (name/version, commas between), from what deployment_kept told.

    The answer holds `told`, what was asked for in words; `missing`, what of it the host does not keep; `links` and
    `before`, the links as they will be and as they are, each with path and target; `text`, what the service will be
    started from; `needed`, whether anything differs; and `restart`, whether the service has to be started anew: models
    alone come in while it runs.
    """
    versions = dict(_version(model) for model in models.replace(",", " ").split())
    if not release and not versions:
        raise AnsibleFilterError(f"Say to what to go back: {_ways(kept)}")
    wanted: dict[str, Any] = {
        "release": release or kept["linked"]["release"],
        "models": {**kept["linked"]["models"], **versions},
    }
    served = {name: version for name, version in wanted["models"].items() if name in kept["running"]["models"]}
    down = kept["state"] != "active"
    running = {"release": wanted["release"], "models": served}
    return {
        "missing": _missing(kept, release, versions),
        "links": _links(wanted),
        "before": _links(kept["linked"]),
        "text": _text(wanted),
        "told": ", ".join(filter(None, [release and f"release {release}", *(f"{n}/{v}" for n, v in versions.items())])),
        "needed": down or wanted != kept["linked"] or running != kept["running"],
        "restart": down or wanted["release"] != kept["running"]["release"],
    }


def _version(model: str) -> tuple[str, str]:
    name, slash, version = model.partition("/")
    if not (name and slash and version):
        raise AnsibleFilterError(
            f"rollback_models is to name models as NAME/VERSION with commas between, not {model!r}"
        )
    return name, version


def _missing(kept: Mapping[str, Any], release: str, versions: Mapping[str, str]) -> list[str]:
    found = [f"release {release}"] if release and release not in kept["releases"] else []
    return found + [
        f"model {name}/{version}" for name, version in versions.items() if version not in kept["models"].get(name, [])
    ]


def _ways(kept: Mapping[str, Any]) -> str:
    models = [f"{name}/{version}" for name, versions in sorted(kept["models"].items()) for version in versions]
    return f"-e rollback_release= one of {_told(kept['releases'])}; -e rollback_models= any of {_told(models)}"


def _told(names: list[str]) -> str:
    return ", ".join(names) or "none"


def _links(wanted: Mapping[str, Any]) -> list[dict[str, str]]:
    release = {"path": f"{ROOT}/current", "target": f"releases/{wanted['release']}"}
    models = sorted((name, version) for name, version in wanted["models"].items() if version)
    return [release, *({"path": f"{MODELS}/{name}/current", "target": version} for name, version in models)]


def _text(wanted: Mapping[str, Any]) -> str:
    """In the form of the role's own file; no deployment has this name, so that the next one brings what is wanted."""
    models = " ".join(f"{name}/{version}" for name, version in sorted(wanted["models"].items()) if version)
    return f"deployment=rollback\nrelease={wanted['release']}\nmodels={models}\n"


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters by their names."""
        return {"way_back": way_back, "ways_back": _ways}
