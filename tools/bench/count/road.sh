# SPDX-License-Identifier: GPL-2.0-only
# In the virtual machine of tools/bench/road: every backend's road, then the
# bench in them.  Prints the bench's samples as one line of JSON.

export PATH=/usr/bin:/bin
ln -sf /usr/bin/dash /bin/sh	# busybox's shell takes its own ip for any
mkdir -p /run /sys/fs/bpf
mount -t tmpfs run /run
mount -t bpf bpf /sys/fs/bpf
mkdir /run/cgroup
mount -t cgroup2 cgroup2 /run/cgroup
echo "release $(uname -r)"
[ -n "$ROUNDS" ] || exit 1

cat >/tmp/road <<'ROAD'
set -eu
. /bench/topo.sh
P=cvb1
work=/tmp/$P
guests=veth
culvert=/usr/bin/culvert
mkdir "$work"
topo_floor
for b in $(echo "$BACKENDS" | tr , ' '); do
	"topo_$b"
	echo "road: $b is there"
done
CULVERT_BPF=/sys/fs/bpf/$P bench --only "$ONLY" --rounds "$ROUNDS" --json /tmp/samples "$work/sites"
ROAD
dash /tmp/road || exit 1
echo "samples $(tr -d '\n' </tmp/samples)"
