#!/usr/bin/env bash
# A disk that starts: the root behind its verity in slot a, kernel and boot loader. Runs in the workshop's own root.
#
#   disk.sh WORK SEED       in WORK: root/, initrd, vmlinuz, left-out; out come disk.img, the same packed, and root.size, the
#                           bytes of all files in it. SEED, a UUID, decides all others
set -euo pipefail
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
cd "$1"
seed=$2

# ---- the root, and the number that stands for every byte of it ----
left_out=$(paste -sd '|' left-out)
mkfs.erofs --quiet -zlz4hc,6 -C65536 -Eztailpacking --all-time "-T$SOURCE_DATE_EPOCH" -U "$seed" \
	"--exclude-regex=^($left_out)$" root.erofs root
dump.erofs -S root.erofs | sed -n 's/^Filesystem total original file size:[[:space:]]*\([0-9]*\).*/\1/p' >root.size
salt=$(printf '%s' "$seed" | sha256sum | cut -d ' ' -f 1)
root_hash=$(veritysetup format --salt="$salt" --uuid="$seed" root.erofs root.verity |
	sed -n 's/^Root hash:[[:space:]]*//p')

# ---- what the firmware starts ----
mkdir -p esp/EFI/BOOT esp/EFI/Linux esp/loader
cp /usr/lib/systemd/boot/efi/systemd-bootx64.efi esp/EFI/BOOT/BOOTX64.EFI
# A block that is not what it was stops the box at once, which starts again: rather that than a wrong byte.
for slot in a b; do
	ukify build --linux=vmlinuz --initrd=initrd --output="careline-$slot.efi" \
		--os-release=$'ID=careline\nPRETTY_NAME="CareLine"\n' \
		--cmdline="roothash=$root_hash systemd.verity_root_data=PARTLABEL=root-$slot systemd.verity_root_hash=PARTLABEL=root-$slot-verity systemd.verity_root_options=panic-on-corruption ro panic=10 quiet console=tty0 console=ttyS0 rauc.slot=$slot" >/dev/null
done
cp careline-a.efi esp/EFI/Linux/careline-a+2.efi # its tries (hw/boot/pc.py)
printf 'timeout 0\npreferred careline-a*\nreboot-on-error yes\neditor no\n' >esp/loader/loader.conf

# ---- partitions; the slots' sizes can never change in the field ----
mkdir parts
part() {
	local name=$1
	shift
	printf '%s\n' '[Partition]' "$@" >"parts/$name.conf"
}
part 10-esp Type=esp Label=esp Format=vfat "CopyFiles=$1/esp:/" SizeMinBytes=300M SizeMaxBytes=300M
part 20-root-a Type=linux-generic Label=root-a "CopyBlocks=$1/root.erofs" SizeMinBytes=512M SizeMaxBytes=512M
part 21-root-a-verity Type=linux-generic Label=root-a-verity "CopyBlocks=$1/root.verity" SizeMinBytes=16M SizeMaxBytes=16M
part 30-root-b Type=linux-generic Label=root-b SizeMinBytes=512M SizeMaxBytes=512M
part 31-root-b-verity Type=linux-generic Label=root-b-verity SizeMinBytes=16M SizeMaxBytes=16M
systemd-repart --empty=create --size=auto --offline=yes --dry-run=no "--seed=$seed" --definitions=parts disk.img >/dev/null

# ---- what is carried about; its bytes depend on no number of threads ----
zstd --quiet -10 --threads=0 disk.img -o disk.img.zst
