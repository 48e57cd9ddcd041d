#!/bin/sh
# Runs inside the image while it is built: adds what boots a machine, with EL8's way of keeping boot arguments.
set -eu
export DEBIAN_FRONTEND=noninteractive

# Before the packages: the initial RAM disk is made for the virtual machine, not for the machine that builds it.
cp -a /build/overlay/. /
apt-get update -q
sed 's/#.*//' /build/packages.txt | xargs apt-get install -y -q --no-install-recommends -o Dpkg::Options::=--force-confold
apt-get clean
rm -rf /var/lib/apt/lists/*

# EL8 keeps GRUB in /boot/grub2. Debian's programs find it under their own name.
kernel=$(basename /boot/vmlinuz-*)
kernel=${kernel#vmlinuz-}
rm -rf /boot/grub
mkdir -p /boot/grub2 /boot/loader/entries
ln -s grub2 /boot/grub
ln -s grub-editenv /usr/bin/grub2-editenv
grub-mkimage --format=i386-pc --prefix='(hd0,msdos1)/boot/grub2' --output=/boot/grub2/core.img \
  biosdisk part_msdos ext2 linux loadenv normal echo test configfile minicmd reboot
cat > /boot/grub2/grub.cfg <<CFG
# As on EL8 the boot arguments live in grubenv. Debian's GRUB does not read boot loader entries, so the kernel is named here.
set timeout=0
load_env -f /boot/grub2/grubenv
linux /boot/vmlinuz-$kernel \$kernelopts \$tuned_params
initrd /boot/initrd.img-$kernel \$tuned_initrd
boot
CFG
cat > "/boot/loader/entries/lookalike-$kernel.conf" <<ENTRY
title CentOS Stream ($kernel) 8, look-alike
version $kernel
linux /boot/vmlinuz-$kernel
initrd /boot/initrd.img-$kernel \$tuned_initrd
options \$kernelopts \$tuned_params
id lookalike-$kernel
grub_users \$grub_users
grub_arg --unrestricted
grub_class kernel
ENTRY
# An emulated processor has no speculation to guard against and a clock that drifts from its own measure.
grub-editenv /boot/grub2/grubenv create
grub-editenv /boot/grub2/grubenv set "kernelopts=root=LABEL=root ro console=ttyS0 net.ifnames=0 security=selinux selinux=1 \
mitigations=off tsc=reliable no_timer_check"
install -m 0755 /doubles/grubby /usr/sbin/grubby

# Without reloading: no kernel of this build has a policy.
semodule --noreload --install=/build/el8.cil
chmod 0600 /etc/NetworkManager/system-connections/* # NetworkManager takes no others
systemctl enable NetworkManager.service NetworkManager-dispatcher.service auditd.service
install -d /var/log/tuned # as EL8's rpm does; tuned itself may not
systemctl mask serial-getty@ttyS0.service
# A quick boot: an emulated processor pays seconds for each, and the journal has what rsyslog would write once more.
systemctl mask rsyslog.service cron.service modprobe@configfs.service modprobe@dm_mod.service \
  modprobe@drm.service modprobe@efi_pstore.service modprobe@fuse.service modprobe@loop.service
rm -rf /build
