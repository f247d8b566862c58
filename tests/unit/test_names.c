// SPDX-License-Identifier: GPL-2.0-only
/* Names and MACs of what culvert makes: short, unmistakable, the same again. */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "network_impl.h"

struct name_row {
	const char *claim;
	const char *name;
	int ret;
};

static const struct name_row names[] = {
	{ "a word", "lab", 0 },
	{ "digits and hyphens", "7-lab-2", 0 },
	{ "31 characters", "abcdefghijklmnopqrstuvwxyz01234", 0 },
	{ "32 are too many", "abcdefghijklmnopqrstuvwxyz012345", -EINVAL },
	{ "no name", "", -EINVAL },
	{ "a hyphen first looks like an option", "-lab", -EINVAL },
	{ "capitals", "Lab", -EINVAL },
	{ "a dot", "a.b", -EINVAL },
	{ "a slash", "../lab", -EINVAL },
	{ "a colon parts network and port", "a:b", -EINVAL },
	{ "the host's end of the veth", "host", -EINVAL },
	{ "its inner end", "ns", -EINVAL },
	{ "uplinks' pins", "uplink", -EINVAL },
};

static void name_is_judged(void **state)
{
	const struct name_row *r = *state;

	assert_int_equal(network_name_check("port", r->name), r->ret);
}

struct link_row {
	const char *claim;
	void (*make)(const char *name, char buf[16]);
	const char *name;
	const char *link;	/* a prefix, when @hashed */
	int hashed;
};

static const struct link_row links[] = {
	{ "a network's link has its name", network_host_link, "lab", "cv-lab", 0 },
	{ "12 characters fit", network_host_link, "abcdefghijkl", "cv-abcdefghijkl", 0 },
	{ "13 do not", network_host_link, "abcdefghijklm", "cv-abcde-", 1 },
	{ "a port's link has its name", network_port_link, "web", "web", 0 },
	{ "15 characters fit a port", network_port_link, "abcdefghijklmno", "abcdefghijklmno", 0 },
	{ "16 do not", network_port_link, "abcdefghijklmnop", "abcdefgh-", 1 },
	{ "a port named lo is not the loopback", network_port_link, "lo", "lo-", 1 },
	{ "nor br0 the bridge", network_port_link, "br0", "br0-", 1 },
	{ "nor uplink0 the veth", network_port_link, "uplink0", "uplink0-", 1 },
};

static void link_is_named(void **state)
{
	const struct link_row *r = *state;
	char link[16], again[16];

	r->make(r->name, link);
	r->make(r->name, again);
	assert_string_equal(link, again);
	assert_true(strlen(link) <= 15);
	if (r->hashed)
		assert_memory_equal(link, r->link, strlen(r->link));
	else
		assert_string_equal(link, r->link);
}

static void long_names_differ_by_their_ends(void **state)
{
	char a[16], b[16];

	network_host_link("a-long-network-1", a);
	network_host_link("a-long-network-2", b);
	assert_string_not_equal(a, b);
	network_port_link("a-long-port-name-1", a);
	network_port_link("a-long-port-name-2", b);
	assert_string_not_equal(a, b);
}

/* A guest keeps its address over versions only if its MAC stays. */
static void macs_never_change(void **state)
{
	static const __u8 guest[6] = { 0x52, 0x54, 0x00, 0x27, 0xd7, 0x53 };
	static const __u8 gateway[6] = { 0x0a, 0x63, 0x76, 0x11, 0x74, 0xce };
	__u8 mac[6];

	network_guest_mac("lab", "web", mac);
	assert_memory_equal(mac, guest, 6);
	network_mac("lab", "gateway", mac);
	assert_memory_equal(mac, gateway, 6);
}

static void macs_differ_by_network_and_role(void **state)
{
	__u8 a[6], b[6];

	network_guest_mac("lab", "web", a);
	network_guest_mac("lab2", "web", b);
	assert_memory_not_equal(a, b, 6);
	network_guest_mac("lab", "web2", b);
	assert_memory_not_equal(a, b, 6);
	/* The names' border counts too. */
	network_guest_mac("labw", "eb", b);
	assert_memory_not_equal(a, b, 6);
}

struct owner_row {
	const char *claim;
	const char *alias;
	enum network_owner owner;
	const char *net;
};

static const struct owner_row owners[] = {
	{ "no label", "", NETWORK_OWNER_NOBODY, NULL },
	{ "our label", "culvert:lab:lo /sys/fs/bpf/one", NETWORK_OWNER_US, "lab" },
	{ "our label on the longest name", "culvert:abcdefghijklmnopqrstuvwxyz01234:lo /sys/fs/bpf/one",
	  NETWORK_OWNER_US, "abcdefghijklmnopqrstuvwxyz01234" },
	{ "another host's", "culvert:lab:lo /sys/fs/bpf/two", NETWORK_OWNER_HOST, NULL },
	{ "one that begins as ours", "culvert:lab:lo /sys/fs/bpf/one2", NETWORK_OWNER_HOST, NULL },
	{ "one that ours begins with", "culvert:lab:lo /sys/fs/bpf/on", NETWORK_OWNER_HOST, NULL },
	{ "someone's words", "my lab", NETWORK_OWNER_FOREIGN, NULL },
	{ "a label of another thing", "culvert:lab:bridge", NETWORK_OWNER_FOREIGN, NULL },
	{ "a name that no network has", "culvert:abcdefghijklmnopqrstuvwxyz012345:lo /sys/fs/bpf/one",
	  NETWORK_OWNER_FOREIGN, NULL },
};

static void owner_is_read(void **state)
{
	const struct owner_row *r = *state;
	char net[CV_NAME_SIZE] = "untouched";

	setenv("CULVERT_BPF", "/sys/fs/bpf/one", 1);
	assert_int_equal(network_netns_owner(r->alias, net), r->owner);
	assert_string_equal(net, r->net ? r->net : "untouched");
}

static void own_names_differ_by_host(void **state)
{
	char a[40], b[40], again[40];

	setenv("CULVERT_BPF", "/sys/fs/bpf/one", 1);
	network_netns_own_name("lab", a);
	network_netns_own_name("lab", again);
	setenv("CULVERT_BPF", "/sys/fs/bpf/two", 1);
	network_netns_own_name("lab", b);
	assert_string_equal(a, again);
	assert_string_not_equal(a, b);
	assert_memory_equal(a, "cv-lab-", 7);
	network_netns_own_name("abcdefghijklmnopqrstuvwxyz01234", a);
	assert_int_equal(strlen(a), 39);
}

int main(void)
{
	const struct CMUnitTest alone[] = {
		cmocka_unit_test(long_names_differ_by_their_ends),
		cmocka_unit_test(macs_never_change),
		cmocka_unit_test(macs_differ_by_network_and_role),
		cmocka_unit_test(own_names_differ_by_host),
	};
	struct CMUnitTest tests[UNIT_N(names) + UNIT_N(links) + UNIT_N(owners) + UNIT_N(alone)], *end = tests;

	end = UNIT_ROWS(end, names, name_is_judged);
	end = UNIT_ROWS(end, links, link_is_named);
	end = UNIT_ROWS(end, owners, owner_is_read);
	memcpy(end, alone, sizeof(alone));
	end += UNIT_N(alone);
	return UNIT_RUN(tests, end);
}
