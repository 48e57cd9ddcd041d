"""Messages of protobuf out of dicts: constructors take those of maps from protobuf 6 on alone."""

from __future__ import annotations

from typing import Any, Mapping


def filled(message: Any, values: Mapping[str, Any]) -> Any:
    """The message, with these values; None stands for what is left out."""
    for name, value in values.items():
        if value is None:
            continue
        if name == "parameters":
            for key, parameter in value.items():
                filled(message.parameters[key], parameter)
        elif isinstance(value, Mapping):
            getattr(message, name).SetInParent()
            filled(getattr(message, name), value)
        elif isinstance(value, list):
            for one in value:
                if isinstance(one, Mapping):
                    filled(getattr(message, name).add(), one)
                else:
                    getattr(message, name).append(one)
        else:
            setattr(message, name, value)
    return message
