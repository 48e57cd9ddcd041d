"""Drifts as they come about on real hosts, and how each is to be named."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Planted:
    """What somebody did on the host; the role and the thing that must be named, with a part of what is found now."""

    name: str
    command: str
    role: str
    what: str
    found: str


PLANTED = (
    Planted(
        "a lock removed",
        "sed -i /cuda-toolkit/d /etc/dnf/plugins/versionlock.list",
        "cuda_toolkit",
        "version locks of the toolkits",
        "cuda-toolkit-11-6 missing",
    ),
    Planted(
        "another cuDNN installed by dnf",
        "sed -i /libcudnn/d /etc/dnf/plugins/versionlock.list"
        " && dnf --quiet --assumeyes install 'libcudnn8*-8.5.0.96-1.cuda11.7'",
        "cudnn",
        "version of libcudnn8",
        "8.5.0.96-1.cuda11.7",
    ),
    Planted(
        "a library that nobody told the linker of",
        "cp /lib/x86_64-linux-gnu/libz.so.1 /usr/local/lib/libplanted.so.1",
        "cuda_toolkit",
        "libraries that the dynamic linker's cache lacks",
        "/usr/local/lib/libz.so.1",
    ),
    Planted(
        "a sysctl of the tuned profile edited",
        "sed -i s/somaxconn=4096/somaxconn=128/ /etc/tuned/hotpath/tuned.conf",
        "cpu_affinity",
        "net.core.somaxconn of /etc/tuned/hotpath/tuned.conf",
        "128",
    ),
    Planted(
        "systemd bound to one CPU",
        "sed -i s/^CPUAffinity=.*/CPUAffinity=0/ /etc/systemd/system.conf.d/hotpath.conf",
        "cpu_affinity",
        "CPUAffinity of systemd",
        "0",
    ),
    Planted(
        "irqbalance configured by hand",
        "echo IRQBALANCE_ONESHOT=1 >> /etc/sysconfig/irqbalance",
        "cpu_affinity",
        "/etc/sysconfig/irqbalance",
        "IRQBALANCE_ONESHOT=1",
    ),
    Planted(
        "the plan edited",
        'sed -i \'s/"count": [0-9]*/"count": 7/\' /etc/hotpath/plan.json',
        "host_plan",
        "hugepages in /etc/hotpath/plan.json",
        "'count': 7",
    ),
    Planted(
        "the service's user may log in",
        "usermod --shell /bin/bash hotpath",
        "host_plan",
        "shell of the user hotpath",
        "/bin/bash",
    ),
    Planted(
        "signatures no longer asked for",
        "sed -i '/^.hotpath-epel/,/^$/s/gpgcheck=1/gpgcheck=0/' /etc/yum.repos.d/hotpath.repo",
        "el8_repositories",
        "gpgcheck of hotpath-epel",
        "0",
    ),
    Planted(
        "a signing key removed",
        "rpm --erase $(rpm -q gpg-pubkey --qf '%{NAME}-%{VERSION} %{SUMMARY}\\n' | grep -i epel | cut -d' ' -f1)",
        "el8_repositories",
        "trusted signing keys: RPM-GPG-KEY-EPEL-8",
        "missing",
    ),
    Planted(
        "a trimmed service started again",
        "systemctl start rpcbind.socket",
        "trimmed_services",
        "rpcbind.socket runs or starts at boot",
        "active",
    ),
    Planted(
        "a trimmed service enabled again",
        "systemctl enable avahi-daemon.service",
        "trimmed_services",
        "avahi-daemon.service runs or starts at boot",
        "enabled",
    ),
    Planted(
        "the shells' CUDA changed",
        "echo 'export CUDA_HOME=/opt/cuda' >> /etc/profile.d/hotpath-cuda.sh",
        "cuda_toolkit",
        "/etc/profile.d/hotpath-cuda.sh",
        "export CUDA_HOME=/opt/cuda",
    ),
    Planted(
        "the linker's path removed",
        "rm /etc/ld.so.conf.d/hotpath-cuda.conf",
        "cuda_toolkit",
        "/etc/ld.so.conf.d/hotpath-cuda.conf",
        "No such file",
    ),
    Planted(
        "the service's port closed",
        "firewall-offline-cmd --zone=public --remove-port=8000/tcp",
        "firewall",
        "open ports of the zone public",
        "8000/tcp missing",
    ),
    Planted(
        "other hugepages reserved",
        "sed -i '/^ExecStart=/s/:2048:[0-9]*/:2048:9/' /etc/systemd/system/hotpath-hugepages.service",
        "hugepages",
        "/etc/systemd/system/hotpath-hugepages.service",
        ":2048:9",
    ),
    Planted(
        "the program that watches links not executable",
        "chmod 0644 /usr/libexec/hotpath/nic-link-watch",
        "nic_irq_affinity",
        "mode and owner of /usr/libexec/hotpath/nic-link-watch",
        "0644 root",
    ),
    Planted(
        "SELinux off at the next boot",
        "sed -i s/^SELINUX=.*/SELINUX=disabled/ /etc/selinux/config",
        "selinux",
        "/etc/selinux/config",
        "SELINUX=disabled",
    ),
    Planted(
        "a boot argument recorded by hand",
        "echo mitigations=off >> /etc/hotpath/boot-arguments",
        "boot_arguments",
        "/etc/hotpath/boot-arguments",
        "mitigations=off",
    ),
    Planted(
        "nouveau allowed again",
        "sed -i /^blacklist/d /etc/modprobe.d/hotpath-nouveau.conf",
        "nvidia_driver",
        "/etc/modprobe.d/hotpath-nouveau.conf",
        "the line is missing",
    ),
    Planted(
        "the kernel's lock removed",
        "sed -i /^kernel-core-/d /etc/dnf/plugins/versionlock.list",
        "nvidia_driver",
        "updates of the kernel that no version lock hides",
        "553.el8",
    ),
    Planted(
        "the GPUs' daemon stopped",
        "systemctl stop nvidia-persistenced.service",
        "nvidia_driver",
        "nvidia-persistenced runs",
        "False",
    ),
    Planted(
        "another key in a vendor's place",
        "rpm --erase $(rpm -q gpg-pubkey --qf '%{NAME}-%{VERSION} %{SUMMARY}\\n' | grep cudatools | cut -d' ' -f1)"
        " && rpm --import /srv/mirror/faults/expired-key/keys/D42D0685.pub",
        "el8_repositories",
        "trusted signing keys: D42D0685.pub",
        "missing",
    ),
    Planted(
        "another profile chosen",
        "echo throughput-performance > /etc/tuned/active_profile",
        "cpu_affinity",
        "/etc/tuned/active_profile",
        "throughput-performance",
    ),
    Planted(
        "irqbalance let loose on planned interrupts",
        "sed -i /ExecStartPre/d /etc/systemd/system/irqbalance.service.d/hotpath.conf",
        "nic_irq_affinity",
        "/etc/systemd/system/irqbalance.service.d/hotpath.conf",
        "the line is missing",
    ),
    Planted(
        "a reboot put off",
        "mkdir -p /run/hotpath/reboot-required.d && cd /run/hotpath/reboot-required.d"
        " && echo 'the driver changed' > nvidia_driver",
        "reboot",
        "roles that wait for a reboot",
        "nvidia_driver: the driver changed",
    ),
    Planted(
        "a unit that fails",
        "systemd-run --quiet --wait --unit=hotpath-planted.service false; systemctl is-failed hotpath-planted.service",
        "reboot",
        "services of Hotpath that failed",
        "hotpath-planted.service",
    ),
)

# On a balancer that shares an address with another one.
ON_BALANCER = (
    Planted(
        "another way of balancing",
        "sed -i 's/balance leastconn/balance roundrobin/' /etc/hotpath/balancer.cfg",
        "load_balancer",
        "/etc/hotpath/balancer.cfg",
        "balance roundrobin",
    ),
    Planted(
        "a host that HAProxy gives less than the file says",
        "python3 -c 'import socket; link = socket.socket(socket.AF_UNIX); "
        'link.connect("/run/hotpath-balancer/admin.sock"); link.sendall(b"set maxconn server gpu_hosts/gpu-1 1\\n"); '
        "link.recv(99)'",
        "load_balancer",
        "what a run would do to HAProxy",
        "gpu-1 is",
    ),
    Planted(
        "a priority that was raised",
        "sed -i 's/priority .*/priority 254/' /etc/hotpath/floating-address.conf",
        "floating_address",
        "/etc/hotpath/floating-address.conf",
        "priority 254",
    ),
    Planted(
        "keepalived not told of it",
        "cmp /etc/hotpath/floating-address.conf /run/hotpath-address/in-force.conf; test $? = 1",
        "floating_address",
        "what a run would do to keepalived",
        "keepalived runs with another configuration than the file has",
    ),
    Planted(
        "a right too many",
        "sed -i 's/^AmbientCapabilities=.*/& CAP_SYS_ADMIN/' /etc/systemd/system/hotpath-address.service",
        "floating_address",
        "/etc/systemd/system/hotpath-address.service",
        "CAP_SYS_ADMIN",
    ),
    Planted(
        "a port closed",
        "firewall-offline-cmd --zone=public --remove-port=8080/tcp",
        "firewall",
        "open ports of the zone public",
        "8080/tcp missing",
    ),
)
