# SPDX-License-Identifier: GPL-2.0-only
# The packet tables on another kernel, run as the job of a virtual machine: the
# programs of /tables, one after another.

export PATH=/usr/bin:/bin
ln -sf /usr/bin/dash /bin/sh	# busybox's shell takes its own ip for any
mkdir -p /run /sys/fs/bpf /dev/net
mount -t tmpfs run /run
mount -t bpf bpf /sys/fs/bpf
tainted=$(cat /proc/sys/kernel/tainted)
mkdir /sys/fs/bpf/tables
export CULVERT_TEST_PINS=/sys/fs/bpf/tables
# What random packets show of the code they show elsewhere; here they are for kernel and compiler.
export PACKETS=2000 MODEL_PACKETS=20000

echo "release $(uname -r)"
for table in /tables/*; do
	echo "table ${table##*/}"
	$table 2>&1
	echo "exit $? after $(cut -d ' ' -f 1 /proc/uptime) s"
done
echo "harm $(($(cat /proc/sys/kernel/tainted) != tainted)) $(dmesg | grep -cE 'WARNING:|BUG:|Oops|Call Trace|refcount_t')"
dmesg | grep -E -A 20 'WARNING:|BUG:|Oops|refcount_t' | head -n 60
