#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs a command under Debian 12's own kernel (6.1) in a virtual machine, under software emulation, on a
# throw-away overlay over this machine's file system. The programs must load under its verifier, which is the tight one.
#
#   tests/vm/boot.sh SECONDS COMMAND...      exits with the command's status
set -u
build=${PC_BUILD:-$(cd "$(dirname "$0")/../.." && pwd)/build}
vm=$build/vm
limit=$1
shift

skip() {
    echo "SKIP: $*"
    case ",${PC_REQUIRE:-}," in *,vm,*) echo "FAIL: tier vm is required here" && exit 1 ;; esac
    exit 77
}

[ "$(id -u)" = 0 ] || skip "the virtual machine reads the whole file system: root only"
for tool in qemu-system-x86_64 busybox cpio modprobe depmod; do
    command -v "$tool" >/dev/null || skip "$tool is not installed (packaging/install-deps --vm)"
done
mkdir -p "$vm"

# The kernel: its package is unpacked, not installed, so that this machine's boot is left alone.
if [ ! -e "$vm/kernel/boot" ]; then
    package=$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: \(linux-image-6\.1[^ ]*\)/\1/p' | head -1)
    [ -n "$package" ] || skip "no linux-image-6.1 package is known here"
    (cd "$vm" && apt-get -qq -o APT::Sandbox::User=root download "$package") || skip "cannot fetch $package"
    dpkg -x "$vm/$package"_*.deb "$vm/kernel"
    depmod -b "$vm/kernel" "${package#linux-image-}"
fi
release=$(basename "$vm"/kernel/lib/modules/*)

if [ ! -e "$vm/initramfs.gz" ]; then
    root=$(mktemp -d)
    mkdir -p "$root"/{bin,modules,proc,sys,dev,host,overlay,new}
    cp "$(command -v busybox)" "$root/bin/busybox"
    for module in virtio_pci 9pnet_virtio 9p overlay; do
        modprobe -d "$vm/kernel" -S "$release" --show-depends "$module"
    done | awk '/^insmod/ && !seen[$2]++ { print $2 }' | while read -r file; do
        cp "$file" "$root/modules/"
        basename "$file" >>"$root/modules/list"
    done
    cat >"$root/init" <<INIT
#!/bin/busybox sh
b=/bin/busybox
\$b mount -t proc proc /proc
\$b mount -t sysfs sys /sys
\$b mount -t devtmpfs dev /dev
while read m; do \$b insmod /modules/\$m; done </modules/list
\$b mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=loose hostroot /host
\$b mount -t tmpfs -o size=1500m tmpfs /overlay
\$b mkdir /overlay/upper /overlay/work
\$b mount -t overlay -o lowerdir=/host,upperdir=/overlay/upper,workdir=/overlay/work overlay /new
for d in proc sys dev; do \$b mkdir -p /new/\$d; \$b mount --move /\$d /new/\$d; done
exec \$b switch_root /new /bin/bash $vm/guest.sh
INIT
    chmod +x "$root/init"
    (cd "$root" && find . | cpio -o -H newc 2>/dev/null | gzip -1) >"$vm/initramfs.gz"
    rm -rf "$root"
fi

{
    cat <<GUEST
export PATH=/usr/sbin:/usr/bin:/sbin:/bin PC_REQUIRE=${PC_REQUIRE:-} PC_BUILD=$build
mount -t tmpfs tmpfs /run
mount -t bpf bpf /sys/fs/bpf
mount -t devpts devpts /dev/pts 2>/dev/null
mkdir -p /lib/modules/$release
mount --bind $vm/kernel/lib/modules/$release /lib/modules/$release
modprobe -a veth sch_ingress cls_bpf nf_conntrack nft_masq nft_chain_nat
ip link set lo up
cd $(printf '%q' "$PWD")
GUEST
    printf '%q ' "$@"
    echo
    echo "echo \"VM-STATUS \$?\""
    echo "echo o >/proc/sysrq-trigger; sleep 10"
} >"$vm/guest.sh"

timeout "$limit" qemu-system-x86_64 -accel tcg -cpu max -smp 2 -m 4096 -nographic -no-reboot -net none \
    -kernel "$vm/kernel/boot/vmlinuz-$release" -initrd "$vm/initramfs.gz" \
    -append "console=ttyS0 quiet panic=1 rdinit=/init" \
    -virtfs local,path=/,security_model=none,readonly=on,mount_tag=hostroot,multidevs=remap \
    </dev/null 2>&1 | tr -d '\r' | tee "$vm/output"
status=$(sed -n 's/^VM-STATUS //p' "$vm/output" | tail -1)
[ -n "$status" ] || { echo "FAIL: the virtual machine did not finish within $limit s"; exit 1; }
exit "$status"
