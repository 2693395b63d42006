#!/usr/bin/env bash
# The box's root as a tree: Debian's packages, our programs, and the overlay. Runs as root of a mount namespace of its own.
#
#   root.sh WORK BOARD VERSION       in WORK: base.tar, packages/ (Python's), the checkout as checkout/, keyring.pem; out
#                                    come root/, initrd, vmlinuz
set -euo pipefail
cd "$1"

mkdir root
tar --extract --file base.tar --directory root --exclude='./dev/*'
kernel=$(ls root/usr/lib/modules)
mount --rbind /dev root/dev
mount --rbind /proc root/proc

# ---- ours, over Debian's ----
cp -a packages root/usr/lib/careline
cp -r checkout/systemd/system/. root/usr/lib/systemd/system/
for part in sysusers.d tmpfiles.d sysctl.d; do
	cp -r "checkout/systemd/$part/." "root/usr/lib/$part/"
done
cp -r checkout/image/overlay/. root/
rm -f root/etc/resolv.conf root/etc/ssh/ssh_host_* root/var/lib/dbus/machine-id
ln -s ../run/systemd/resolve/stub-resolv.conf root/etc/resolv.conf
: >root/etc/machine-id # made at each start: nothing of one box is in another
mkdir -p root/data root/efi
# Which release this is, and whose bundles it takes.
printf 'IMAGE_ID=%s\nIMAGE_VERSION=%s\n' "$2" "$3" >>root/usr/lib/os-release
install -m 644 keyring.pem root/etc/rauc/keyring.pem
chown -R 0:0 root/usr/lib/careline

# ---- users, and what starts ----
# What lies on the data partition belongs to numbers, so each keeps its own for ever.
chroot root usermod --uid 882 asterisk
chroot root groupmod --gid 882 asterisk
chroot root chown -R asterisk:asterisk /var/lib/asterisk /var/log/asterisk /var/spool/asterisk
chroot root systemd-sysusers
chroot root systemctl preset-all --preset-mode=full
# Nobody signs in at a terminal, and nobody waits for a network to take calls.
ln -sf /dev/null root/etc/systemd/system/systemd-networkd-wait-online.service
# Programs begin sooner compiled, and nothing of them is looked at again.
chroot root python3 -m compileall -q --invalidation-mode unchecked-hash /usr/lib/careline || true

# ---- the little root that checks the large one ----
chroot root dracut --quiet --force --reproducible --no-hostonly --kver "$kernel" \
	-m "systemd systemd-initrd systemd-veritysetup dm kernel-modules rootfs-block base" \
	--drivers "virtio_blk virtio_pci nvme ahci sd_mod usb_storage uas xhci_pci mmc_block sdhci_pci dm_verity erofs" \
	/boot/initrd-careline
mv root/boot/initrd-careline initrd
cp "root/boot/vmlinuz-$kernel" vmlinuz
umount --lazy root/proc root/dev # with all that hangs below
rm -rf root/boot/* root/tmp/* root/run/*
