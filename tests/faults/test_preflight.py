"""Broken inventories and broken variables: every problem in one table, and no host touched."""

from __future__ import annotations

from pathlib import Path

from support.throwaway import Play, play

# Nothing listens on port 9 of the loopback, so both hosts are unreachable at once.
BROKEN = """
gpu_hosts:
  hosts:
    lost: {ansible_host: 127.0.0.1, ansible_port: 9}
    twin: {ansible_host: 127.0.0.1, ansible_port: 9}
    wrong:
      ansible_host: 127.0.0.2
      ansible_port: 9
      stack_name: cuda99
      inference_service_port: http
      nvidia_driver_fabric_manager: perhaps
      inference_servce_workers: 3
balancer:
  hosts:
    front:
"""


def judge(tmp_path: Path, inventory: str, playbook: str = "playbooks/preflight.yml") -> Play:
    path = tmp_path / "hosts.yml"
    path.write_text(inventory)
    return play(playbook, "-i", str(path))


def test_every_problem_of_every_host_at_once_and_nothing_after_it(tmp_path: Path) -> None:
    done = judge(tmp_path, BROKEN, "site.yml")
    assert done.code == 2
    for line in (
        "ERROR inventory: addresses: lost, twin have the same ansible_host 127.0.0.1",
        "ERROR inventory: groups: The group balancer is none that a playbook works on",
        "remedy: Did you mean balancers?",
        "ERROR lost, twin: connection: no answer from 127.0.0.1",
        "ERROR wrong: stack: stack_name is 'cuda99'",
        "ERROR wrong: variables: inference_service_port = 'http'",
        "ERROR wrong: variables: nvidia_driver_fabric_manager = 'perhaps'",
        "auto, always, never",
        "ERROR wrong: variables: inference_servce_workers is no variable of any role",
        "remedy: Did you mean inference_service_workers?",
    ):
        assert line in done.words, done.output
    assert "PLAY [Bring the hosts to their planned state]" not in done.output


def test_an_inventory_without_hosts_is_an_error(tmp_path: Path) -> None:
    for inventory, state in (
        ("gpu_hots: {hosts: {gpu-a: }}", "is missing; the inventory has gpu_hots"),
        ("gpu_hosts: {hosts: {}}", "is empty"),
    ):
        done = judge(tmp_path, inventory)
        assert done.code == 2
        assert f"The group gpu_hosts {state}" in done.words, done.output
        assert "inventory/example/hosts.yml" in done.words
