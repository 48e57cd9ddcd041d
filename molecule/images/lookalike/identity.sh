#!/bin/sh
# Runs inside the image while it is built: turns the Debian base into a host that roles for EL8 can't tell from one.
set -eu

# Identity. /etc/os-release is a link into /usr on Debian: writing through it would change the wrong file.
rm -f /etc/os-release /etc/debian_version
cp -a --remove-destination /build/overlay/. /
python3 -m compileall -q /usr/local/lib/python3.11/dist-packages # so that no run leaves its bytecode there
ln -sf centos-release /etc/redhat-release
ln -sf centos-release /etc/system-release
install -d /usr/libexec /etc/pki/rpm-gpg
ln -sf /usr/bin/python3 /usr/libexec/platform-python
ln -sf /usr/bin/update-alternatives /usr/sbin/alternatives
ln -sf /etc/sysconfig/irqbalance /etc/default/irqbalance

# SELinux's policy goes by the name that EL8 gives it; nothing relabels a container.
mv /etc/selinux/default /etc/selinux/targeted
ln -s targeted /etc/selinux/default
if [ -d /var/lib/selinux/default ]; then
  mv /var/lib/selinux/default /var/lib/selinux/targeted
  ln -s targeted /var/lib/selinux/default
fi
rm -f /.autorelabel

# What the rpm database of a fresh host knows. The rpms come from the mirror that is mounted during the build.
baseos=/srv/mirror/centos/8-stream/BaseOS/x86_64/os/Packages
rpm --initdb
rpm --install --nosignature "$baseos"/el8-shim-*.rpm "$baseos"/centos-stream-release-*.rpm \
  "$baseos"/kernel-4.18.0-348.7.1.*.rpm "$baseos"/kernel-core-4.18.0-348.7.1.*.rpm "$baseos"/kernel-modules-4.18.0-348.7.1.*.rpm

# A quick boot: no maintenance timers, nothing that belongs to real hardware or that roles are to switch on.
systemctl set-default multi-user.target
systemctl mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
  dpkg-db-backup.timer dnf-makecache.timer dnf-automatic.timer getty@.service console-getty.service \
  selinux-autorelabel-mark.service systemd-networkd-wait-online.service
systemctl disable chrony.service firewalld.service haproxy.service irqbalance.service keepalived.service tuned.service

# Fixed for all throwaway hosts, so that none needs entropy at boot; the machine id is given at boot.
ssh-keygen -A
: > /etc/machine-id
rm -rf /build /var/cache/dnf/* /var/log/*.log
