"""The service's configuration file: one typed schema; every error names key, value, reason and remedy."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Callable, List, Type, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from typing_extensions import Literal

from hotpath.addresses import Trusted, origin, prefix
from hotpath.config_errors import explain
from hotpath.core import HotpathError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class ConfigError(HotpathError):
    """The configuration can't be used. `problems` holds one sentence for each thing wrong."""

    def __init__(self, path: Path, problems: List[str]) -> None:
        self.problems = problems
        super().__init__(f"The configuration {path} can't be used:\n  " + "\n  ".join(problems), "")


S = TypeVar("S", bound="_Section")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerConfig(_Section):
    """Sockets, HTTP workers and logging."""

    host: str = Field("0.0.0.0", description="an address of this machine; used when systemd passes no socket")
    port: int = Field(8000, ge=0, le=65535, description="a TCP port; 0 takes a free one")
    grpc_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="a TCP port for the Open Inference Protocol over gRPC; 0 for none",
    )
    agent_port: int = Field(
        0, ge=0, le=65535, description="a TCP port where HAProxy's agent check asks for a weight; 0 for none"
    )
    agent_reference: float = Field(
        0.0,
        ge=0,
        description="the images/s that are the weight 100; 0 for what this host did at its warm-up",
    )
    workers: int = Field(
        0,
        ge=0,
        le=255,
        description="a number of HTTP worker processes up to 255; 0 for one on each CPU left to them",
    )
    keep_alive_s: int = Field(
        120, ge=1, description="whole seconds that an idle connection is kept, at least 1"
    )
    shutdown_delay_s: float = Field(
        0.0,
        ge=0,
        description="seconds for which requests are still taken while /readyz is 503 already, 0 for none",
    )
    drain_timeout_s: int = Field(
        30, ge=1, description="whole seconds for finishing accepted requests, at least 1"
    )
    control: str = Field(
        "",
        description="the path of the socket for `hotpath swap`, `reload` and `models`; empty for none",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="debug, info, warning or error"
    )
    root_path: str = Field(
        "", description="the prefix of all paths behind a proxy, such as /vision; empty for none"
    )
    trusted_proxies: List[str] = Field(
        [],
        description='a list of the addresses and networks of proxies, such as ["10.0.0.0/8", "unix"], whose '
        "X-Forwarded-For and X-Forwarded-Proto are believed",
    )

    cors_origins: List[str] = Field(
        [],
        description="a list of the origins whose pages may ask from a browser, such as "
        '["https://app.example"]; ["*"] for all',
    )

    @field_validator("root_path")
    @classmethod
    def _root_is_a_prefix(cls, root: str) -> str:
        return prefix(root) if root else root

    @field_validator("cors_origins")
    @classmethod
    def _origins_are_as_browsers_send_them(cls, origins: List[str]) -> List[str]:
        return origins if origins == ["*"] else [origin(one) for one in origins]

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies_are_addresses(cls, proxies: List[str]) -> List[str]:
        Trusted(proxies)
        return proxies


class LimitsConfig(_Section):
    """What one request and all of them together may take."""

    body_bytes: int = Field(
        20_000_000, ge=1024, description="bytes of the largest request body, at least 1024"
    )
    pixels: int = Field(
        50_000_000, ge=1, le=178_956_970, description="pixels of the largest image, from 1 to 178956970"
    )  # above that the decoder itself refuses
    queue: int = Field(
        256, ge=1, description="items of each size class inside the service at once, at least 1"
    )
    items: int = Field(2048, ge=1, description="items of one request, such as texts, at least 1")
    request_timeout_s: float = Field(
        10.0, gt=0, description="seconds that a request may take once its body is in, above 0"
    )
    body_silence_s: float = Field(
        10.0, gt=0, description="seconds for which a body may stand still on its way, above 0"
    )
    body_rate: int = Field(
        240, ge=0, description="bytes a second that a body comes at least at; 0 for no least rate"
    )
    transit_bytes: int = Field(
        500_000_000,
        ge=1024,
        description="bytes of bodies on their way to all workers together, at least 1024; each worker has an "
        "equal part, and room for one body in any case",
    )


class BatchingConfig(_Section):
    """How requests are put together."""

    max_batch: int = Field(8, ge=1, le=1024, description="the largest batch, from 1 to 1024")


class PlacementConfig(_Section):
    """Where processes and buffers live."""

    plan: str = Field("", description="the path of the host's plan.json; used when the file exists")
    memory: Literal["any", "preferred", "bind"] = Field(
        "any", description="any, or preferred or bind for the NUMA node that the plan names"
    )
    arena: str = Field("", description="a directory on hugetlbfs; empty for ordinary shared memory")
    slot_bytes: int = Field(
        0,
        ge=0,
        description="bytes of a slot at least; 0 for the largest input of the models that it starts with",
    )


class AuthConfig(_Section):
    """Who may ask."""

    keys: str = Field("", description="the path of the file of bearer keys; empty lets everybody ask")
    protect_metrics: bool = Field(False, description="true or false: whether /metrics needs a key too")


class AccessLogConfig(_Section):
    """One JSON line for a request."""

    enabled: bool = Field(True, description="true or false")
    sample: float = Field(
        0.01,
        ge=0,
        le=1,
        description="the share of successful requests that is logged, 0 to 1; failures always are",
    )
    path: str = Field("", description="the path of a file; empty for standard error")


class TracingConfig(_Section):
    """OpenTelemetry traces, by OTLP over HTTP."""

    endpoint: str = Field(
        "",
        pattern=r"^(https?://\S+)?$",
        description="the receiver's URL, such as http://127.0.0.1:4318/v1/traces; empty for no traces",
    )
    ratio: float = Field(
        0.01,
        ge=0,
        le=1,
        description="the share of traces that is kept, 0 to 1; a caller's traceparent decides for its own",
    )
    service_name: str = Field("hotpath", min_length=1, description="the service's name in traces")


class ModelConfig(_Section):
    """One model to serve."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", description="the name the model was built with"
    )
    path: Path = Field(description="a directory that `hotpath build` made")
    backend: Literal["torchscript", "eager", "onednn", "cuda", "tensorrt", "numeric"] = Field(
        "torchscript",
        description="torchscript, eager, onednn (on CPU), cuda or tensorrt (on GPUs); numeric is for tests",
    )
    places: int = Field(
        0, ge=0, description="places that other models leave it; 0 for an equal part of half of limits.queue"
    )
    devices: List[str] = Field(
        ["cpu"], min_length=1, description='a list such as ["cpu"] or ["cuda:0", "cuda:1"]'
    )
    engines: int = Field(
        0, ge=0, description="engines on each device; 0 for one on a GPU, and up to four on the CPUs"
    )
    threads: int = Field(
        0, ge=0, description="torch threads of each engine on CPU; 0 for its part of the CPUs it may run on"
    )

    @model_validator(mode="after")
    def _devices_are_known(self) -> ModelConfig:
        for device in self.devices:
            kind, _, number = device.partition(":")
            if device != "cpu" and not (kind == "cuda" and number.isdigit()):
                raise ValueError(f"there is no device {device!r}; a device is cpu or cuda:<number>")
        return self


def _defaults(section: Type[S]) -> Callable[[], S]:
    """A section that the file leaves out, as if it stood there empty."""
    return lambda: section.model_validate({})


class Config(_Section):
    """The whole file."""

    server: ServerConfig = Field(default_factory=_defaults(ServerConfig), description="a table")
    limits: LimitsConfig = Field(default_factory=_defaults(LimitsConfig), description="a table")
    batching: BatchingConfig = Field(default_factory=_defaults(BatchingConfig), description="a table")
    placement: PlacementConfig = Field(default_factory=_defaults(PlacementConfig), description="a table")
    auth: AuthConfig = Field(default_factory=_defaults(AuthConfig), description="a table")
    access_log: AccessLogConfig = Field(default_factory=_defaults(AccessLogConfig), description="a table")
    tracing: TracingConfig = Field(default_factory=_defaults(TracingConfig), description="a table")
    models: List[ModelConfig] = Field(min_length=1, description="at least one [[models]] table")

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Config:
        kept = sum(model.places for model in self.models)
        if kept > self.limits.queue:
            raise ValueError(
                f"models.places add up to {kept}, and limits.queue has only {self.limits.queue}; raise "
                "limits.queue, or keep fewer places"
            )
        names = [model.name for model in self.models]
        for name in sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"models.name = {name!r} appears more than once; give each model its own name")
        return self


def load(path: Path) -> Config:
    """Read and judge the file at `path`. Raises ConfigError with every problem found."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(
            path, [f"it can't be read ({reason}). Check the path and its permissions."]
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            path, [f"it is not UTF-8 text ({error.reason}). Write it again as UTF-8."]
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(path, [f"it is not valid TOML: {error}. Correct that line."]) from error
    try:
        return Config.model_validate(document)
    except ValidationError as error:
        raise ConfigError(path, [explain(dict(item), Config) for item in error.errors()]) from error
