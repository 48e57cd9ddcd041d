# One line a target; what they do lies in scripts/. `make help` lists them.
PYTHON := .cache/venv/controller/bin/python
export PATH := $(CURDIR)/.cache/venv/controller/bin:$(PATH)
# Thousands of short processes begin here, and without bytecode each compiles Ansible or torch anew, which takes seconds.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/.cache/pycache
INVENTORY ?= inventory/demo
# Virtual machines need root; without it `make test` leaves them out and says so.
ROOT_ONLY := $(if $(filter 0,$(shell id -u)),vm)
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

demo: controller ## a throwaway host on this machine, site.yml on it, real photographs through /predict
	@$(PYTHON) scripts/demo.py

demo-fleet: controller ## three hosts, two balancers and a monitor on this machine; a new model version under load, and spares that join and leave
	@$(PYTHON) scripts/demo_fleet.py

test: controller ## every check there is, on this machine
	@scripts/bootstrap.sh browser clients service service38 $(ROOT_ONLY) && $(PYTHON) scripts/check.py all

test-fast: controller ## the checks that need no throwaway host: linters, types, plugins, service
	@scripts/bootstrap.sh browser clients service service38 && $(PYTHON) scripts/check.py fast

test-vm: controller ## the whole of site.yml and the real service in an emulated machine; 35 minutes on 2 cores
	@scripts/bootstrap.sh vm && $(PYTHON) scripts/check.py vm

test-scenarios: controller ## the molecule scenarios with whose roles and suites other stages of make test go through
	@$(PYTHON) scripts/check.py scenarios

test-faults: controller ## site.yml killed at ten random points instead of four, with the real model; the end compared with a play left alone
	@HOTPATH_KILLS=10 HOTPATH_SEED=$${HOTPATH_SEED:-$$(date +%s)} $(PYTHON) -m pytest -s --durations=0 tests/faults/test_sigkill.py

test-fleet: controller ## the fleet's plays on throwaway hosts under load: rotation, rollouts and bad releases, one address, plays killed (FLEET=brief for less)
	@HOTPATH_ROLLOUTS=$(or $(FLEET),whole) HOTPATH_SEED=$${HOTPATH_SEED:-$$(date +%s)} $(PYTHON) scripts/check.py fleet

test-watched: controller ## alerts and scaling on throwaway hosts with a monitor: ten quiet minutes, then faults by kind, then a load that triples
	@$(PYTHON) scripts/check.py watched

fuzz: ## 100,000 new cases for the service's decoders, parsers, connections and a running instance (FUZZ='--scale 400' for more)
	@scripts/bootstrap.sh service && .cache/venv/service/bin/python scripts/fuzz.py $(FUZZ)

test-el8-stack: ## the service's tests on the whole set of CentOS 8: torch 1.13.1, Torch-TensorRT, TensorRT; 4 GB
	@scripts/bootstrap.sh el8 && cd service && ../.cache/venv/el8/bin/python -m pytest --durations=10

test-forms: ## the real models served in every form that they are built in; 3 minutes
	@scripts/bootstrap.sh service && cd service && ../.cache/venv/service/bin/python -m pytest -m every_form --durations=10

gpu: ## every check that wants a GPU, in under eight minutes, and what could not be checked (GPU_PYTHON=... has a torch with CUDA)
	@scripts/bootstrap.sh gpu && cd service && PYTHONPATH=src:tests "$$(cat ../.cache/gpu-python)" -m gpu $(GPU)

lint: controller ## style, types and Ansible's production profile
	@scripts/bootstrap.sh service && $(PYTHON) scripts/check.py lint

verify: controller ## name what drifted on the hosts of an inventory (INVENTORY=inventory/demo)
	@$(PYTHON) scripts/verify.py --inventory $(INVENTORY)

fleet: controller ## tell each host's release, models and whether it is in rotation, and why not (INVENTORY=inventory/demo)
	@ansible-playbook -i $(INVENTORY) playbooks/fleet.yml

bench: controller ## measure the service and its peers in turn (BENCH="--quick --rows a"; --help lists the options)
	@scripts/bootstrap.sh service && $(PYTHON) service/bench/run.py $(BENCH)

soak: ## kills, overload, bad clients, 200,000 requests, and models of three tasks at once (SOAK="faults --kills 5"; SOAK=--help lists the options)
	@scripts/bootstrap.sh service && cd service && PYTHONPATH=src:tests ../.cache/venv/service/bin/python -m soak $(SOAK)

docs: controller ## write docs/roles/ from the roles' argument specifications
	@$(PYTHON) scripts/role_pages.py

protocol: ## write the service's descriptor.py anew from http/grpc/inference.proto
	@scripts/bootstrap.sh service && .cache/venv/service/bin/uv run --quiet --no-project --with grpcio-tools==1.70.0 --python 3.11 python scripts/protocol.py

lock: ## resolve the hash-locked requirements anew
	@scripts/lock.sh

controller:
	@scripts/bootstrap.sh system controller

hosts-down: ## remove the throwaway hosts of this checkout
	@python3 scripts/hosts.py down

clean: hosts-down ## remove the throwaway hosts, their images and .cache; nothing else
	@scripts/clean.sh

.PHONY: help demo demo-fleet test test-fast test-el8-stack test-forms test-scenarios test-vm gpu fuzz test-faults test-fleet test-watched lint verify fleet bench soak docs protocol lock controller hosts-down clean
