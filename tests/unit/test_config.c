// SPDX-License-Identifier: GPL-2.0-only
/* What culvert.yaml may say, and the exact words for what it may not. */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "addr.h"
#include "config.h"

/* --- bad files: the whole message */

struct bad_row {
	const char *name;
	const char *text;
	const char *error;	/* without "t.yaml:" */
};

#define LONG_64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

#define TEN_PORTS "1,2,3,4,5,6,7,8,9,10,"

static const struct bad_row bad_rows[] = {
	/* not YAML, or not our shape */
	{ "tab as indent", "mode: nat\n\tsubnet: auto\n", "2: found a tab character that violates indentation" },
	{ "unclosed list", "uplink: [eth0\nmode: nat\n", "2: did not find expected ',' or ']'" },
	{ "unclosed quote", "mode: \"nat\n", "2: found unexpected end of stream" },
	{ "bad UTF-8", "mode: nat\nsubnet: \xff\xfe\n", "2: invalid leading UTF-8 octet" },
	{ "control character", "mode: nat\n\nsubnet: \x01\n", "3: control characters are not allowed" },
	{ "second document", "mode: nat\n---\nmode: nat\n", "3: a second document" },
	{ "bad second document", "mode: nat\n---\n[\n", "4: did not find expected node content" },
	{ "list on top", "- mode\n", "1: expected keys with values" },
	{ "word on top", "\nnat\n", "2: expected keys with values" },
	{ "complex key", "? [a, b]\n: c\n", "1: a key must be a single word" },
	{ "complex key in dhcp", "mode: nat\ndhcp:\n  ? { a: b }\n  : c\n", "2: dhcp: a key must be a single word" },
	{ "empty key in dhcp", "dhcp: { '': 1 }\n", "1: dhcp: unknown key ''" },
	{ "unknown alias", "mode: *x\n", "1: found undefined alias" },
	{ "alias", "dhcp: { domain: &d lab }\nsubnet: *d\n", "2: subnet: aliases are not supported" },
	/* keys */
	{ "unknown key", "mode: nat\nmodus: nat\n", "2: modus: unknown key" },
	{ "unknown key with a list", "mode: nat\n\nport:\n  - 1\n", "3: port: unknown key" },
	{ "unknown key in dhcp", "dhcp:\n  lease: 1h\n  leases: 1h\n", "3: dhcp.leases: unknown key" },
	{ "unknown key in flow dhcp", "dhcp: { leases: 1h }\n", "1: dhcp.leases: unknown key" },
	{ "unknown key of a guest", "guests:\n  - name: a\n  - name: b\n    rate: 1gbit\n",
	  "4: guests[1].rate: unknown key" },
	{ "unknown key first in a guest", "guests:\n  - nam: a\n", "2: guests[0].nam: unknown key" },
	{ "key in capitals", "MODE: nat\n", "1: MODE: unknown key" },
	{ "empty key", "\"\": nat\n", "1: unknown key ''" },
	{ "control character in a key", "\"mo\\nde\": nat\n", "1: mo?de: unknown key" },
	{ "key given twice", "mode: nat\nsubnet: auto\nmode: nat\n", "3: mode: given twice" },
	{ "key in dhcp given twice", "dhcp:\n  lease: 1h\n  lease: 2h\n", "3: dhcp.lease: given twice" },
	{ "key of a guest given twice", "guests:\n- name: a\n  ip: .10\n  ip: .11\n",
	  "4: guests[0].ip: given twice" },
	{ "dhcp given twice", "dhcp: {}\ndhcp: {}\n", "2: dhcp: given twice" },
	{ "guests given twice", "guests: []\nguests: []\n", "2: guests: given twice" },
	/* types */
	{ "mode as a list", "mode: [nat]\n", "1: mode: expected a single value" },
	{ "mode as keys", "mode: { nat: 1 }\n", "1: mode: expected a single value" },
	{ "subnet as a list", "subnet:\n  - 10.0.0.0/24\n", "1: subnet: expected a single value" },
	{ "uplink as keys", "uplink: { eth0: 1 }\n", "1: uplink: expected a single value" },
	{ "uplink of lists", "uplink:\n  - [eth0]\n", "2: uplink[0]: expected a single value" },
	{ "dhcp as a word", "dhcp: false\n", "1: dhcp: expected keys with values" },
	{ "dhcp as a list", "dhcp: [lease]\n", "1: dhcp: expected keys with values" },
	{ "dns as keys", "dhcp: { dns: { a: b } }\n", "1: dhcp.dns: expected a single value" },
	{ "guests as keys", "guests: { name: a }\n", "1: guests: expected a list" },
	{ "guests as a word", "guests: web\n", "1: guests: expected a list" },
	{ "guest as a word", "guests:\n  - web\n", "2: guests[0]: expected keys with values" },
	{ "guest's name as a list", "guests:\n  - name: [a]\n", "2: guests[0].name: expected a single value" },
	/* values of the network */
	{ "unknown mode", "mode: bridge\n", "1: mode: 'bridge' is none of: nat, route, isolated" },
	{ "empty mode", "mode:\n", "1: mode: '' is none of: nat, route, isolated" },
	{ "number as mode", "mode: 1\n", "1: mode: '1' is none of: nat, route, isolated" },
	{ "isolate is no boolean", "isolate: maybe\n",
	  "1: isolate: 'maybe' is none of: true, false, yes, no, on, off" },
	{ "unknown filter", "isolate: no\nfilter: open\n",
	  "2: filter: 'open' is none of: address-and-port, address, endpoint-independent" },
	{ "empty filter", "filter:\n",
	  "1: filter: '' is none of: address-and-port, address, endpoint-independent" },
	{ "filter as a list", "filter: [address]\n", "1: filter: expected a single value" },
	{ "filter given twice", "filter: address\nfilter: address\n", "2: filter: given twice" },
	{ "isolate is a number", "isolate: 1\n", "1: isolate: '1' is none of: true, false, yes, no, on, off" },
	{ "subnet is no subnet", "mode: nat\nsubnet: lan\n",
	  "2: subnet: 'lan' is neither 'auto' nor a subnet like 10.20.0.0/24" },
	{ "subnet without prefix", "subnet: 10.20.0.0\n",
	  "1: subnet: '10.20.0.0' is neither 'auto' nor a subnet like 10.20.0.0/24" },
	{ "subnet of IPv6", "subnet: fd00::/64\n",
	  "1: subnet: 'fd00::/64' is neither 'auto' nor a subnet like 10.20.0.0/24" },
	{ "subnet beyond /32", "subnet: 10.20.0.0/33\n",
	  "1: subnet: '10.20.0.0/33' is neither 'auto' nor a subnet like 10.20.0.0/24" },
	{ "subnet with host bits", "subnet: 10.20.0.1/24\n",
	  "1: subnet: '10.20.0.1/24' has host bits set; the subnet is 10.20.0.0/24" },
	{ "subnet too small", "subnet: 10.20.0.0/31\n",
	  "1: subnet: '10.20.0.0/31': the prefix must be from /8 to /30" },
	{ "subnet too large", "subnet: 0.0.0.0/0\n", "1: subnet: '0.0.0.0/0': the prefix must be from /8 to /30" },
	{ "subnet on loopback", "subnet: 127.1.0.0/16\n", "1: subnet: '127.1.0.0/16' is not for guests" },
	{ "subnet of multicast", "subnet: 224.0.0.0/24\n", "1: subnet: '224.0.0.0/24' is not for guests" },
	{ "subnet of zero", "subnet: 0.0.1.0/24\n", "1: subnet: '0.0.1.0/24' is not for guests" },
	{ "empty subnet", "subnet:\n", "1: subnet: is empty" },
	{ "uplink's name too long", "uplink: abcdefghijklmnop\n",
	  "1: uplink: 'abcdefghijklmnop' is no name of a link" },
	{ "uplink's name with a slash", "uplink:\n  - eth0\n  - a/b\n", "3: uplink[1]: 'a/b' is no name of a link" },
	{ "uplink listed twice", "uplink: [eth0, eth0]\n", "1: uplink[1]: 'eth0' is listed twice" },
	{ "no uplink in the list", "uplink: []\n", "1: uplink: is an empty list" },
	{ "empty uplink in the list", "uplink: [eth0, '']\n", "1: uplink[1]: is empty" },
	{ "too many uplinks", "uplink: [a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q]\n", "1: uplink: has more than 16 entries" },
	{ "unknown XDP", "xdp: native\n", "1: xdp: 'native' is none of: off, auto, on" },
	{ "XDP is no switch", "xdp: true\n", "1: xdp: 'true' is none of: off, auto, on" },
	{ "XDP of an isolated network", "mode: isolated\nxdp: auto\n", "2: xdp: mode 'isolated' has no uplink" },
	{ "uplink of an isolated network", "mode: isolated\nuplink: eth0\n",
	  "2: uplink: mode 'isolated' has no uplink" },
	/* what is seen outside */
	{ "ports are no range", "ports: some\n", "1: ports: 'some' is no range of ports like 1024-29999" },
	{ "ports without an end", "ports: 1024-\n", "1: ports: '1024-' is no range of ports like 1024-29999" },
	{ "ports with a sign", "ports: -1024\n", "1: ports: '-1024' is no range of ports like 1024-29999" },
	{ "ports of three numbers", "ports: 2000-3000-4000\n",
	  "1: ports: '2000-3000-4000' is no range of ports like 1024-29999" },
	{ "an empty range", "ports: 2000-3000,,4000\n", "1: ports: '' is no range of ports like 1024-29999" },
	{ "a comma at the end", "ports: '2000-3000,'\n", "1: ports: '' is no range of ports like 1024-29999" },
	{ "two ranges in an entry", "ports: ['2000,3000']\n", "1: ports[0]: '2000,3000' is no range of ports like 1024-29999" },
	{ "well-known ports", "ports: 1023-2000\n", "1: ports: '1023-2000' is not from 1024 to 65535" },
	{ "port zero", "ports: 0\n", "1: ports: '0' is not from 1024 to 65535" },
	{ "ports too high", "ports: 2000-65536\n", "1: ports: '2000-65536' is not from 1024 to 65535" },
	{ "ports with many digits", "ports: 2000-999999999999999999999\n",
	  "1: ports: '2000-999999999999999999999' is no range of ports like 1024-29999" },
	{ "ports backwards", "ports: 3000-2000\n", "1: ports: '3000-2000' ends before it begins" },
	{ "ports that overlap", "ports: 2000-3000,3000-4000\n",
	  "1: ports: '3000-4000' is not above 2000-3000; ranges ascend and do not overlap" },
	{ "ports out of order", "ports:\n- 4000-5000\n- 2000-3000\n",
	  "3: ports[1]: '2000-3000' is not above 4000-5000; ranges ascend and do not overlap" },
	{ "too many ranges", "ports: 2000,2002,2004,2006,2008,2010,2012,2014\n", "1: ports: has more than 7 ranges" },
	{ "a list of too many ranges", "ports: [2000,2002,2004,2006,2008,2010,2012,2014]\n",
	  "1: ports: has more than 7 entries" },
	{ "no range in the list", "ports: []\n", "1: ports: is an empty list" },
	{ "ports as keys", "ports: { a: b }\n", "1: ports: expected a single value" },
	{ "ports of a routed network", "mode: route\nports: 2000-3000\n", "2: ports: mode 'route' translates nothing" },
	{ "ports of an isolated network", "mode: isolated\nports: 2000-3000\n", "2: ports: mode 'isolated' has no uplink" },
	{ "no-nat is no prefix", "no-nat: lan\n", "1: no-nat: 'lan' is no prefix like 10.0.0.0/8" },
	{ "no-nat without a length", "no-nat: 10.0.0.1\n", "1: no-nat: '10.0.0.1' is no prefix like 10.0.0.0/8" },
	{ "no-nat with host bits", "no-nat:\n- 10.0.0.0/8\n- 192.168.1.1/24\n",
	  "3: no-nat[1]: '192.168.1.1/24' has host bits set; the prefix is 192.168.1.0/24" },
	{ "no-nat of everything", "no-nat: 0.0.0.0/0\n", "1: no-nat: '0.0.0.0/0' is everything: that is mode 'route'" },
	{ "no-nat twice", "no-nat: [10.0.0.0/8, 10.0.0.0/8]\n", "1: no-nat[1]: '10.0.0.0/8' is listed twice" },
	{ "too much no-nat", "no-nat: [1.0.0.0/8, 2.0.0.0/8, 3.0.0.0/8, 4.0.0.0/8, 5.0.0.0/8, 6.0.0.0/8, 7.0.0.0/8, 8.0.0.0/8, 9.0.0.0/8]\n",
	  "1: no-nat: has more than 8 entries" },
	{ "no-nat of a routed network", "mode: route\nno-nat: 10.0.0.0/8\n", "2: no-nat: mode 'route' translates nothing" },
	{ "no-nat of an isolated network", "mode: isolated\nno-nat: 10.0.0.0/8\n",
	  "2: no-nat: mode 'isolated' has no uplink" },
	{ "forwards of a routed network", "mode: route\nforwards:\n- { listen: 0.0.0.0:80, to: a }\n",
	  "3: forwards[0].listen: mode 'route' translates nothing: guests are reached at their own addresses, by forwards on loopback alone" },
	{ "external is no address", "guests:\n- { name: a, external: 203.0.113.0/24 }\n",
	  "2: guests[0].external: '203.0.113.0/24' is no IPv4 address" },
	{ "external on loopback", "guests: [{ name: a, external: 127.0.0.2 }]\n",
	  "1: guests[0].external: '127.0.0.2' cannot be an address of a guest" },
	{ "external of multicast", "guests: [{ name: a, external: 224.0.0.5 }]\n",
	  "1: guests[0].external: '224.0.0.5' cannot be an address of a guest" },
	{ "external in the subnet", "subnet: 10.20.0.0/24\nguests: [{ name: a, external: 10.20.0.9 }]\n",
	  "2: guests[0].external: '10.20.0.9' is in the guests' own subnet 10.20.0.0/24" },
	{ "external of two guests", "guests:\n- { name: a, external: 203.0.113.20 }\n- name: b\n  external: 203.0.113.20\n",
	  "4: guests[1].external: the same as of guests[0] ('a')" },
	{ "external of an isolated network", "mode: isolated\nguests: [{ name: a, external: 203.0.113.20 }]\n",
	  "2: guests[0].external: mode 'isolated' has no uplink" },
	{ "limit of ports is no number", "limits: { ports: all }\n", "1: limits.ports: 'all' is no number" },
	{ "no ports at all", "limits: { ports-per-guest: 0 }\n",
	  "1: limits.ports-per-guest: '0' is not from 1 to 16777216" },
	/* values of dhcp */
	{ "lease without unit", "dhcp:\n  lease: 3600\n",
	  "2: dhcp.lease: '3600' is no time like 90s, 30m, 12h or 7d" },
	{ "lease of an unknown unit", "dhcp: { lease: 2w }\n",
	  "1: dhcp.lease: '2w' is no time like 90s, 30m, 12h or 7d" },
	{ "lease without number", "dhcp: { lease: h }\n",
	  "1: dhcp.lease: 'h' is no time like 90s, 30m, 12h or 7d" },
	{ "lease with a fraction", "dhcp: { lease: 1.5h }\n",
	  "1: dhcp.lease: '1.5h' is no time like 90s, 30m, 12h or 7d" },
	{ "lease below zero", "dhcp: { lease: -1h }\n",
	  "1: dhcp.lease: '-1h' is no time like 90s, 30m, 12h or 7d" },
	{ "lease without end", "dhcp: { lease: infinite }\n",
	  "1: dhcp.lease: 'infinite' is no time like 90s, 30m, 12h or 7d" },
	{ "lease of nothing", "dhcp: { lease: 0s }\n", "1: dhcp.lease: '0s' is not from 10s to 3650d" },
	{ "lease too short", "dhcp: { lease: 9s }\n", "1: dhcp.lease: '9s' is not from 10s to 3650d" },
	{ "lease too long", "dhcp: { lease: 3651d }\n", "1: dhcp.lease: '3651d' is not from 10s to 3650d" },
	{ "lease beyond 64 bits", "dhcp: { lease: 99999999999999999999999d }\n",
	  "1: dhcp.lease: '99999999999999999999999d' is not from 10s to 3650d" },
	{ "dns is no address", "dhcp:\n  dns: google\n",
	  "2: dhcp.dns: 'google' is neither 'host', 'serve', 'none' nor an IPv4 address" },
	{ "dns in a list is no address", "dhcp:\n  dns:\n    - 1.1.1.1\n    - host\n",
	  "4: dhcp.dns[1]: 'host' is no IPv4 address" },
	{ "dns on loopback", "dhcp: { dns: 127.0.0.53 }\n",
	  "1: dhcp.dns: '127.0.0.53' cannot be a guest's DNS server" },
	{ "dns listed twice", "dhcp: { dns: [1.1.1.1, 1.1.1.1] }\n", "1: dhcp.dns[1]: '1.1.1.1' is listed twice" },
	{ "too many dns", "dhcp:\n  dns:\n  - 1.1.1.1\n  - 1.1.1.2\n  - 1.1.1.3\n  - 1.1.1.4\n",
	  "2: dhcp.dns: has more than 3 entries" },
	{ "no dns in the list", "dhcp: { dns: [] }\n", "1: dhcp.dns: is an empty list" },
	{ "domain with an underscore", "dhcp: { domain: my_lab }\n", "1: dhcp.domain: 'my_lab' is no domain name" },
	{ "domain with an empty label", "dhcp: { domain: a..b }\n", "1: dhcp.domain: 'a..b' is no domain name" },
	{ "domain with a final dot", "dhcp: { domain: lab. }\n", "1: dhcp.domain: 'lab.' is no domain name" },
	{ "domain with a hyphen first", "dhcp: { domain: -lab }\n", "1: dhcp.domain: '-lab' is no domain name" },
	{ "domain with a hyphen last", "dhcp: { domain: lab-.vm }\n", "1: dhcp.domain: 'lab-.vm' is no domain name" },
	{ "domain too long", "dhcp: { domain: " LONG_64 " }\n", "1: dhcp.domain: is longer than 63 characters" },
	{ "enable is no boolean", "dhcp:\n  enable: ja\n",
	  "2: dhcp.enable: 'ja' is none of: true, false, yes, no, on, off" },
	{ "value with a line break", "dhcp: { domain: \"a\\nb\" }\n", "1: dhcp.domain: 'a?b' is no domain name" },
	{ "value far too long", "dhcp: { domain: " LONG_64 LONG_64 LONG_64 LONG_64 " }\n",
	  "1: dhcp.domain: is longer than 255 characters" },
	/* timeouts and limits */
	{ "timeouts as a word", "timeouts: 300s\n", "1: timeouts: expected keys with values" },
	{ "timeouts as a list", "timeouts: [300s]\n", "1: timeouts: expected keys with values" },
	{ "unknown timeout", "timeouts:\n  udp: 300s\n  sctp: 300s\n", "3: timeouts.sctp: unknown key" },
	{ "timeout given twice", "timeouts:\n  tcp: 3h\n  tcp: 4h\n", "3: timeouts.tcp: given twice" },
	{ "timeout as a list", "timeouts: { tcp: [3h] }\n", "1: timeouts.tcp: expected a single value" },
	{ "timeout left empty", "timeouts:\n  tcp:\n", "2: timeouts.tcp: is empty" },
	{ "timeout without unit", "timeouts: { udp: 300 }\n",
	  "1: timeouts.udp: '300' is no time like 90s, 30m, 12h or 7d" },
	{ "timeout of an unknown unit", "timeouts: { tcp-transitory: 300ms }\n",
	  "1: timeouts.tcp-transitory: '300ms' is no time like 90s, 30m, 12h or 7d" },
	{ "timeout below zero", "timeouts: { udp: -1s }\n",
	  "1: timeouts.udp: '-1s' is no time like 90s, 30m, 12h or 7d" },
	{ "no timeout", "timeouts: { icmp: 0s }\n", "1: timeouts.icmp: '0s' is not from 1s to 30d" },
	{ "timeout too long", "timeouts: { tcp: 31d }\n", "1: timeouts.tcp: '31d' is not from 1s to 30d" },
	{ "timeout too long by a second", "timeouts: { tcp: 2592001s }\n",
	  "1: timeouts.tcp: '2592001s' is not from 1s to 30d" },
	{ "timeout beyond 32 bits", "timeouts: { udp: 4294967297s }\n",
	  "1: timeouts.udp: '4294967297s' is not from 1s to 30d" },
	{ "timeout beyond 64 bits", "timeouts: { udp: 99999999999999999999999d }\n",
	  "1: timeouts.udp: '99999999999999999999999d' is not from 1s to 30d" },
	{ "limits as a number", "limits: 1000\n", "1: limits: expected keys with values" },
	{ "unknown limit", "limits:\n  flow: 1\n", "2: limits.flow: unknown key" },
	{ "limit given twice", "limits:\n  flows: 1\n  flows: 1\n", "3: limits.flows: given twice" },
	{ "limit as keys", "limits: { flows: { a: 1 } }\n", "1: limits.flows: expected a single value" },
	{ "limit is a word", "limits: { flows: many }\n", "1: limits.flows: 'many' is no number" },
	{ "limit with a unit", "limits: { flows: 64k }\n", "1: limits.flows: '64k' is no number" },
	{ "limit below zero", "limits: { flows-per-guest: -1 }\n",
	  "1: limits.flows-per-guest: '-1' is no number" },
	{ "limit of none", "limits: { flows: 0 }\n", "1: limits.flows: '0' is not from 1 to 16777216" },
	{ "limit beyond any table", "limits: { flows: 16777217 }\n",
	  "1: limits.flows: '16777217' is not from 1 to 16777216" },
	{ "guests' limit of none", "limits:\n  flows: 1\n  flows-per-guest: 0\n",
	  "3: limits.flows-per-guest: '0' is not from 1 to 16777216" },
	{ "limit beyond 32 bits", "limits: { flows-per-guest: 4294967297 }\n",
	  "1: limits.flows-per-guest: '4294967297' is not from 1 to 16777216" },
	{ "limit beyond 64 bits", "limits: { flows-per-guest: 99999999999999999999999 }\n",
	  "1: limits.flows-per-guest: '99999999999999999999999' is not from 1 to 16777216" },
	/* guests */
	{ "forwards as a word", "forwards: web\n", "1: forwards: expected a list" },
	{ "forward as a spec", "forwards:\n- 0.0.0.0:80:web\n", "2: forwards[0]: expected keys with values" },
	{ "forward to nobody", "forwards:\n- listen: 0.0.0.0:80\n", "2: forwards[0].to: is missing" },
	{ "forward from nowhere", "forwards:\n- to: web\n", "2: forwards[0].listen: is missing" },
	{ "unknown key of a forward", "forwards:\n- { listen: 0.0.0.0:80, to: web, port: 1 }\n",
	  "2: forwards[0].port: unknown key" },
	{ "forward without address", "forwards:\n- { to: web, listen: 80 }\n",
	  "2: forwards[0].listen: '80': names no address to listen on: put one of an uplink before the port, as in 198.51.100.2:8080, or 0.0.0.0 for all of them, or 127.0.0.1 for the host alone" },
	{ "forward of a bad port", "forwards:\n- { to: web, listen: 0.0.0.0:0 }\n",
	  "2: forwards[0].listen: '0.0.0.0:0': a port is a number from 1 to 65535, or two with '-' between" },
	{ "forward to a bad guest", "forwards:\n- listen: 0.0.0.0:80\n  to: Web:80\n",
	  "3: forwards[0].to: 'Web:80': that is no name of a guest: a-z, 0-9 and '-', not '-' first" },
	{ "forward of ranges that differ", "forwards:\n- listen: 0.0.0.0:80-81\n  to: web:80\n",
	  "3: forwards[0].to: 'web:80': the two ranges of ports are not of one length" },
	{ "forward of another protocol", "forwards:\n- listen: 0.0.0.0:80\n  to: web\n  proto: icmp\n",
	  "4: forwards[0].proto: 'icmp': the protocol is tcp or udp" },
	{ "two forwards of a port", "forwards:\n- { listen: 0.0.0.0:80-90, to: web }\n- { listen: 198.51.100.2:85, to: db }\n",
	  "3: forwards[1].listen: forwards[0] listens there already" },
	{ "forward of an isolated network", "forwards: [{ listen: 127.0.0.1:80, to: web }, { listen: 0.0.0.0:80, to: web }]\nmode: isolated\n",
	  "1: forwards[1].listen: mode 'isolated' has no uplink to listen on" },
	{ "policy as a word", "policy: deny\n", "1: policy: expected a list" },
	{ "rule as keys", "policy:\n- deny: web\n", "2: policy[0]: expected a single value" },
	{ "rule of nothing", "policy:\n- ''\n", "2: policy[0]: is empty" },
	{ "rule that is none", "policy:\n- deny @guests -> @lan\n- deny @guests\n",
	  "3: policy[1]: 'deny @guests': a rule is: allow|deny FROM -> TO [PROTO [PORTS]]" },
	{ "rule with bad ports", "policy: [deny web -> db tcp 0]\n",
	  "1: policy[0]: 'deny web -> db tcp 0': PORTS are from 1 to 65535, as in 80,443,8000-8010" },
	{ "rule too many", "policy:\n- deny web -> db\n- deny web -> db tcp " TEN_PORTS TEN_PORTS TEN_PORTS "1\n"
	  "- deny web -> db tcp " TEN_PORTS TEN_PORTS TEN_PORTS "1\n- deny web -> db tcp " TEN_PORTS TEN_PORTS TEN_PORTS "1,2,3,4\n",
	  "5: policy[3]: one rule too many: a network has room for 96, and each range of ports counts as one" },
	{ "guest without name", "guests:\n  - name: a\n  - ip: .10\n", "3: guests[1].name: is missing" },
	{ "guest without anything", "guests:\n  - {}\n", "2: guests[0].name: is missing" },
	{ "guest's name empty", "guests:\n  - name: ''\n", "2: guests[0].name: is empty" },
	{ "guest's name with a colon", "guests: [{ name: 'a:b' }]\n",
	  "1: guests[0].name: 'a:b' is no name: up to 31 of a-z, 0-9 and '-', not '-' first" },
	{ "guest's name in capitals", "guests: [{ name: Web }]\n",
	  "1: guests[0].name: 'Web' is no name: up to 31 of a-z, 0-9 and '-', not '-' first" },
	{ "guest's name that a pin has", "guests:\n- name: host\n",
	  "2: guests[0].name: 'host' cannot be a guest's name: culvert uses it" },
	{ "guest's name of the veth's inner end", "guests:\n- name: a\n- name: ns\n",
	  "3: guests[1].name: 'ns' cannot be a guest's name: culvert uses it" },
	{ "guest's name of the uplinks' pins", "guests: [{ name: uplink }]\n",
	  "1: guests[0].name: 'uplink' cannot be a guest's name: culvert uses it" },
	{ "guest's name with a dot", "guests: [{ name: web.lab }]\n",
	  "1: guests[0].name: 'web.lab' is no name: up to 31 of a-z, 0-9 and '-', not '-' first" },
	{ "guest's name with an underscore", "guests: [{ name: web_1 }]\n",
	  "1: guests[0].name: 'web_1' is no name: up to 31 of a-z, 0-9 and '-', not '-' first" },
	{ "guest's name with a slash", "guests: [{ name: ../web }]\n",
	  "1: guests[0].name: '../web' is no name: up to 31 of a-z, 0-9 and '-', not '-' first" },
	{ "guest's name with a hyphen first", "guests: [{ name: -a }]\n",
	  "1: guests[0].name: '-a' is no name: up to 31 of a-z, 0-9 and '-', not '-' first" },
	{ "guest's name too long", "guests: [{ name: abcdefghijklmnopqrstuvwxyz012345 }]\n",
	  "1: guests[0].name: 'abcdefghijklmnopqrstuvwxyz012345' is no name: up to 31 of a-z, 0-9 and '-', not '-' first" },
	{ "guest's mac is none", "guests:\n- name: a\n  mac: 52:54:00\n",
	  "3: guests[0].mac: '52:54:00' is no unicast MAC address" },
	{ "guest's mac is multicast", "guests: [{ name: a, mac: '01:00:5e:00:00:01' }]\n",
	  "1: guests[0].mac: '01:00:5e:00:00:01' is no unicast MAC address" },
	{ "guest's mac is zero", "guests: [{ name: a, mac: '00:00:00:00:00:00' }]\n",
	  "1: guests[0].mac: '00:00:00:00:00:00' is no unicast MAC address" },
	{ "guest's ip is none", "subnet: 10.20.0.0/24\nguests:\n- name: a\n  ip: web\n",
	  "4: guests[0].ip: 'web' is no address like .10 or 10.20.0.10" },
	{ "guest's ip outside", "subnet: 10.20.0.0/24\nguests:\n- { name: a, ip: 10.20.1.10 }\n",
	  "3: guests[0].ip: '10.20.1.10' is no guest's address in the subnet" },
	{ "guest's ip is the network's", "subnet: 10.20.0.0/24\nguests:\n- { name: a, ip: .0 }\n",
	  "3: guests[0].ip: '.0' is no guest's address in the subnet" },
	{ "guest's ip is the broadcast", "subnet: 10.20.0.0/24\nguests:\n- { name: a, ip: 10.20.0.255 }\n",
	  "3: guests[0].ip: '10.20.0.255' is no guest's address in the subnet" },
	{ "guest's ip is the gateway's", "guests:\n- { name: a, ip: .1 }\nsubnet: 10.20.0.0/24\n",
	  "2: guests[0].ip: '.1' is the gateway's" },
	{ "guest's ip is the gateway's of auto", "guests:\n- { name: a, ip: .1 }\n",
	  "2: guests[0].ip: '.1' is the gateway's" },
	{ "guest's ip in full without subnet", "guests:\n- { name: a, ip: 10.20.0.10 }\n",
	  "2: guests[0].ip: '10.20.0.10' needs a `subnet`; with 'auto' write .10" },
	{ "two guests of one name", "guests:\n- name: a\n- name: b\n- name: a\n",
	  "4: guests[2].name: the same as of guests[0] ('a')" },
	{ "two guests of one mac", "guests:\n- { name: a, mac: '52:54:00:00:00:0a' }\n- { name: b, mac: '52:54:00:00:00:0A' }\n",
	  "3: guests[1].mac: the same as of guests[0] ('a')" },
	{ "two guests of one ip", "subnet: 10.20.0.0/24\nguests:\n- { name: a, ip: .10 }\n- { name: b, ip: 10.20.0.10 }\n",
	  "4: guests[1].ip: the same as of guests[0] ('a')" },
};

static void bad_file_is_one_error(void **state)
{
	const struct bad_row *row = *state;
	struct config cfg, before;
	char want[512];
	char *error;

	memset(&cfg, 0x5a, sizeof(cfg));
	before = cfg;
	assert_int_equal(config_parse("t.yaml", row->text, strlen(row->text), &cfg, &error), -EINVAL);
	assert_non_null(error);
	snprintf(want, sizeof(want), "t.yaml:%s", row->error);
	assert_string_equal(error, want);
	assert_memory_equal(&cfg, &before, sizeof(cfg));
	free(error);
}

/* --- good files: what they mean, printed */

struct good_row {
	const char *name;
	const char *text;
	const char *meaning;
};

#define AUTO "nat auto uplink=auto dhcp=43200s dns=host"

static const struct good_row good_rows[] = {
	{ "empty file", "", AUTO },
	{ "only a comment", "# nothing\n", AUTO },
	{ "only a document's start", "---\n", AUTO },
	{ "document's start and end", "---\nmode: nat\n...\n", AUTO },
	{ "empty mapping", "{}\n", AUTO },
	{ "the whole file of the manual",
	  "mode: nat\nsubnet: auto\nuplink: auto\nisolate: false\n"
	  "dhcp: { lease: 12h, dns: host, domain: lab.vm }\n"
	  "guests:\n  - { name: web, mac: 52:54:00:00:00:0a, ip: .10 }\n",
	  AUTO " domain=lab.vm web,52:54:00:00:00:0a,0.0.0.10" },
	{ "isolated", "mode: isolated\n", "isolated auto uplink=auto dhcp=43200s dns=host" },
	{ "isolated, forwards for the host", "forwards: [{ listen: 127.0.0.1:80, to: web }]\nmode: isolated\n",
	  "isolated auto uplink=auto dhcp=43200s dns=host 127.0.0.1:80:web:80/tcp" },
	{ "isolate", "isolate: yes\n", "nat auto isolate uplink=auto dhcp=43200s dns=host" },
	{ "isolate: off", "isolate: off\n", AUTO },
	{ "filter that is the default", "filter: address-and-port\n", AUTO },
	{ "XDP", "xdp: on\n", "nat auto uplink=auto xdp=on dhcp=43200s dns=host" },
	{ "XDP where it gains", "xdp: auto\n", "nat auto uplink=auto xdp=auto dhcp=43200s dns=host" },
	{ "XDP: off", "mode: isolated\nxdp: off\n", "isolated auto uplink=auto dhcp=43200s dns=host" },
	{ "filter by address", "filter: address\n", AUTO " filter=address" },
	{ "no filter", "filter: 'endpoint-independent'\n", AUTO " filter=endpoint-independent" },
	{ "names served", "dhcp: { dns: serve }\n", "nat auto uplink=auto dhcp=43200s dns=serve domain=vm" },
	{ "names served below a domain", "dhcp: { dns: serve, domain: lab.vm }\n",
	  "nat auto uplink=auto dhcp=43200s dns=serve domain=lab.vm" },
	{ "subnet", "subnet: 10.20.0.0/16\n", "nat 10.20.0.0/16 uplink=auto dhcp=43200s dns=host" },
	{ "smallest subnet", "subnet: 10.0.0.4/30\n", "nat 10.0.0.4/30 uplink=auto dhcp=43200s dns=host" },
	{ "largest subnet", "subnet: 10.0.0.0/8\n", "nat 10.0.0.0/8 uplink=auto dhcp=43200s dns=host" },
	{ "one uplink", "uplink: eth0\n", "nat auto uplink=eth0 dhcp=43200s dns=host" },
	{ "uplinks", "uplink:\n- eth0\n- wg0.5\n", "nat auto uplink=eth0,wg0.5 dhcp=43200s dns=host" },
	{ "dhcp left empty", "dhcp:\n", AUTO },
	{ "guests left empty", "guests:\n  # - name: a\n", AUTO },
	{ "guests of an empty list", "guests: []\n", AUTO },
	{ "no dhcp", "dhcp: { enable: no }\n", "nat auto uplink=auto dns=host" },
	{ "lease in seconds", "dhcp: { lease: 90s }\n", "nat auto uplink=auto dhcp=90s dns=host" },
	{ "lease in minutes", "dhcp: { lease: 30m }\n", "nat auto uplink=auto dhcp=1800s dns=host" },
	{ "lease in days", "dhcp: { lease: 7d }\n", "nat auto uplink=auto dhcp=604800s dns=host" },
	{ "shortest lease", "dhcp: { lease: 10s }\n", "nat auto uplink=auto dhcp=10s dns=host" },
	{ "longest lease", "dhcp: { lease: 3650d }\n", "nat auto uplink=auto dhcp=315360000s dns=host" },
	{ "no dns", "dhcp: { dns: none }\n", "nat auto uplink=auto dhcp=43200s dns=" },
	{ "one dns", "dhcp: { dns: 9.9.9.9 }\n", "nat auto uplink=auto dhcp=43200s dns=9.9.9.9" },
	{ "three dns", "dhcp: { dns: [9.9.9.9, 1.1.1.1, 10.0.0.1] }\n",
	  "nat auto uplink=auto dhcp=43200s dns=9.9.9.9,1.1.1.1,10.0.0.1" },
	{ "domain of digits and hyphens", "dhcp: { domain: 3-com.x }\n", AUTO " domain=3-com.x" },
	{ "guest's name of 31 characters", "guests: [{ name: abcdefghijklmnopqrstuvwxyz01234 }]\n",
	  AUTO " abcdefghijklmnopqrstuvwxyz01234,-,0.0.0.0" },
	{ "guest by name alone", "guests: [{ name: a }]\n", AUTO " a,-,0.0.0.0" },
	{ "guest's ip in full", "subnet: 10.20.0.0/24\nguests: [{ name: a, ip: 10.20.0.10 }]\n",
	  "nat 10.20.0.0/24 uplink=auto dhcp=43200s dns=host a,-,10.20.0.10" },
	{ "guest before its subnet", "guests: [{ name: a, ip: .254 }]\nsubnet: 10.20.0.0/24\n",
	  "nat 10.20.0.0/24 uplink=auto dhcp=43200s dns=host a,-,10.20.0.254" },
	{ "guests without address or MAC are not the same", "guests: [{ name: a }, { name: b }]\n",
	  AUTO " a,-,0.0.0.0 b,-,0.0.0.0" },
	{ "forwards left empty", "forwards:\n", AUTO },
	{ "forward of a port", "forwards: [{ listen: 198.51.100.2:8080, to: web:80 }]\n",
	  AUTO " 198.51.100.2:8080:web:80/tcp" },
	{ "forwards of two protocols", "forwards:\n- { listen: 0.0.0.0:53, to: dns }\n- { listen: '*:53', to: dns, proto: udp }\n",
	  AUTO " 0.0.0.0:53:dns:53/tcp 0.0.0.0:53:dns:53/udp" },
	{ "forward of a range", "forwards: [{ proto: tcp, to: web:80-81, listen: 0.0.0.0:8080-8081 }]\n",
	  AUTO " 0.0.0.0:8080-8081:web:80-81/tcp" },
	{ "policy left empty", "policy:\n", AUTO },
	{ "rules in their order", "policy:\n  - deny  @guests -> @lan\n  - allow web -> @internet tcp 80,443\n",
	  AUTO " [deny @guests -> @lan] [allow web -> @internet tcp 80,443]" },
	{ "as many rules as fit", "policy:\n- deny web -> db tcp " TEN_PORTS TEN_PORTS TEN_PORTS "1,2\n"
	  "- deny web -> db tcp " TEN_PORTS TEN_PORTS TEN_PORTS "1,2\n- deny web -> db tcp " TEN_PORTS TEN_PORTS TEN_PORTS "1,2\n",
	  AUTO " [deny web -> db tcp " TEN_PORTS TEN_PORTS TEN_PORTS "1,2] [deny web -> db tcp " TEN_PORTS TEN_PORTS TEN_PORTS
	  "1,2] [deny web -> db tcp " TEN_PORTS TEN_PORTS TEN_PORTS "1,2]" },
	{ "timeouts left empty", "timeouts:\nlimits:\n", AUTO },
	{ "timeouts that are the defaults",
	  "timeouts: { udp: 5m, tcp: 124m, tcp-transitory: 4m, icmp: 60s }\n", AUTO },
	{ "timeouts of each unit", "timeouts: { udp: 10s, tcp: 1d, tcp-transitory: 5m, icmp: 2h }\n",
	  AUTO " timeouts=10,86400,300,7200" },
	{ "one timeout leaves the others", "timeouts:\n  tcp-transitory: 1m\n", AUTO " timeouts=300,7440,60,60" },
	{ "shortest and longest timeouts", "timeouts: { udp: 1s, tcp: 30d, icmp: 2592000s }\n",
	  AUTO " timeouts=1,2592000,240,2592000" },
	{ "limits", "limits: { flows: 1000, flows-per-guest: 50 }\n", AUTO " limits=1000,50" },
	{ "one limit", "limits: { flows-per-guest: 50 }\n", AUTO " limits=0,50" },
	{ "least limits", "limits: { flows: 1, flows-per-guest: 1 }\n", AUTO " limits=1,1" },
	{ "greatest limits", "limits: { flows: 16777216, flows-per-guest: 16777216 }\n",
	  AUTO " limits=16777216,16777216" },
	{ "limits of ports", "limits: { ports: 1000, ports-per-guest: 50 }\n", AUTO " port-limits=1000,50" },
	{ "one limit of ports", "limits: { ports-per-guest: 262144 }\n", AUTO " port-limits=0,262144" },
	{ "mode route", "mode: route\nsubnet: 203.0.113.128/25\n",
	  "route 203.0.113.128/25 uplink=auto dhcp=43200s dns=host" },
	{ "ports", "ports: 1024-29999,40000-65535\n", AUTO " ports=1024-29999,40000-65535" },
	{ "ports with blanks", "ports: 1024-29999, 40000, 50000-50001\n", AUTO " ports=1024-29999,40000-40000,50000-50001" },
	{ "a list of ports", "ports:\n- 2000\n- 2001-3000\n", AUTO " ports=2000-2000,2001-3000" },
	{ "as many ranges as may be", "ports: 2000,2002,2004,2006,2008,2010,65535\n",
	  AUTO " ports=2000-2000,2002-2002,2004-2004,2006-2006,2008-2008,2010-2010,65535-65535" },
	{ "the default ports", "ports: 1024-65535\n", AUTO },
	{ "one no-nat", "no-nat: 10.0.0.0/8\n", AUTO " no-nat=10.0.0.0/8" },
	{ "a list of no-nat", "no-nat: [10.0.0.0/8, 192.0.2.7/32]\n", AUTO " no-nat=10.0.0.0/8,192.0.2.7/32" },
	{ "an external address", "guests: [{ name: a, external: 203.0.113.20 }, { name: b, ip: .9, external: 203.0.113.21 }]\n",
	  AUTO " a,-,0.0.0.0,203.0.113.20 b,-,0.0.0.9,203.0.113.21" },
	{ "a forward on loopback of a routed network", "mode: route\nforwards:\n- { listen: 127.0.0.1:80, to: a }\n",
	  "route auto uplink=auto dhcp=43200s dns=host 127.0.0.1:80:a:80/tcp" },
	{ "an external address of a routed network", "mode: route\nguests: [{ name: a, external: 203.0.113.20 }]\n",
	  "route auto uplink=auto dhcp=43200s dns=host a,-,0.0.0.0,203.0.113.20" },
	{ "quoted values", "\"mode\": \"nat\"\nsubnet: 'auto'\n", AUTO },
	{ "byte order mark and CRLF", "\xef\xbb\xbfmode: nat\r\nsubnet: auto\r\n", AUTO },
};

static void print_guests(FILE *f, const struct config *cfg)
{
	char ip[ADDR_IP_SIZE], mac[ADDR_MAC_SIZE];

	for (size_t i = 0; i < cfg->n_guests; i++) {
		fprintf(f, " %s,%s,%s", cfg->guests[i].name,
			cfg->guests[i].has_mac ? addr_format_mac(cfg->guests[i].mac, mac) : "-",
			addr_format_ip(cfg->guests[i].ip, ip));
		if (cfg->guests[i].external)
			fprintf(f, ",%s", addr_format_ip(cfg->guests[i].external, ip));
	}
}

/* What the outside sees, where it differs from the defaults. */
static void print_outside(FILE *f, const struct config *cfg)
{
	char prefix[ADDR_PREFIX_SIZE];
	struct config defaults;

	config_defaults(&defaults);
	if (cfg->n_ports != defaults.n_ports || memcmp(cfg->ports, defaults.ports, sizeof(cfg->ports)))
		for (unsigned int i = 0; i < cfg->n_ports; i++)
			fprintf(f, "%s%u-%u", i ? "," : " ports=", cfg->ports[i].first,
				cfg->ports[i].last);
	for (unsigned int i = 0; i < cfg->n_untranslated; i++)
		fprintf(f, "%s%s", i ? "," : " no-nat=",
			addr_format_prefix(cfg->untranslated[i].addr, cfg->untranslated[i].mask,
					   prefix));
}

/* What differs from the defaults. */
static void print_limits(FILE *f, const struct config *cfg)
{
	struct config defaults;

	config_defaults(&defaults);
	if (memcmp(cfg->timeout_s, defaults.timeout_s, sizeof(cfg->timeout_s)))
		fprintf(f, " timeouts=%u,%u,%u,%u", cfg->timeout_s[CV_TIMEOUT_UDP],
			cfg->timeout_s[CV_TIMEOUT_TCP_ESTABLISHED],
			cfg->timeout_s[CV_TIMEOUT_TCP_TRANSITORY],
			cfg->timeout_s[CV_TIMEOUT_ICMP]);
	if (cfg->filter != defaults.filter)
		fprintf(f, " filter=%s", config_filter_word(cfg->filter));
	if (cfg->max_flows || cfg->max_guest_flows)
		fprintf(f, " limits=%u,%u", cfg->max_flows, cfg->max_guest_flows);
	if (cfg->max_ports || cfg->max_guest_ports)
		fprintf(f, " port-limits=%u,%u", cfg->max_ports, cfg->max_guest_ports);
}

static char *print_config(const struct config *cfg)
{
	char text[ADDR_PREFIX_SIZE], spec[FORWARD_SIZE], rule[POLICY_TEXT_SIZE], *out;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	fprintf(f, "%s %s", config_mode_word(cfg->mode),
		cfg->subnet_auto ? "auto" : addr_format_prefix(cfg->subnet, cfg->netmask, text));
	fprintf(f, "%s uplink=%s", cfg->isolate ? " isolate" : "", cfg->n_uplinks ? "" : "auto");
	for (unsigned int i = 0; i < cfg->n_uplinks; i++)
		fprintf(f, "%s%s", i ? "," : "", cfg->uplinks[i]);
	if (cfg->xdp != CONFIG_XDP_OFF)
		fprintf(f, " xdp=%s", config_xdp_word(cfg->xdp));
	if (cfg->dhcp)
		fprintf(f, " dhcp=%us", cfg->lease_s);
	fprintf(f, " dns=%s", cfg->dns_host ? "host" : cfg->dns_serve ? "serve" : "");
	for (unsigned int i = 0; i < cfg->n_dns; i++)
		fprintf(f, "%s%s", i ? "," : "", addr_format_ip(cfg->dns[i], text));
	if (cfg->domain[0])
		fprintf(f, " domain=%s", cfg->domain);
	print_limits(f, cfg);
	print_outside(f, cfg);
	print_guests(f, cfg);
	for (size_t i = 0; i < cfg->n_forwards; i++)
		fprintf(f, " %s", forward_format(&cfg->forwards[i], spec));
	for (size_t i = 0; i < cfg->n_policy; i++)
		fprintf(f, " [%s]", policy_format(&cfg->policy[i], rule));
	fclose(f);
	return out;
}

static void good_file_means(void **state)
{
	const struct good_row *row = *state;
	struct config cfg;
	char *error, *meaning;
	int err;

	err = config_parse("t.yaml", row->text, strlen(row->text), &cfg, &error);
	assert_null(error);
	assert_int_equal(err, 0);
	meaning = print_config(&cfg);
	assert_string_equal(meaning, row->meaning);
	free(meaning);
	config_release(&cfg);
}

/* --- from disk */

static void missing_file_is_named(void **state)
{
	struct config cfg;
	char *error;

	assert_int_equal(config_load("/nonexistent/t.yaml", &cfg, &error), -ENOENT);
	assert_string_equal(error, "/nonexistent/t.yaml: No such file or directory");
	free(error);
	assert_int_equal(config_load("/", &cfg, &error), -EISDIR);
	assert_string_equal(error, "/: Is a directory");
	free(error);
}

static void file_on_disk_is_read(void **state)
{
	char path[] = "/tmp/culvert-test-XXXXXX", want[64], *error;
	int fd = mkstemp(path);
	struct config cfg;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "mode: nat\nfoo: 1\n", 17), 17);
	close(fd);
	assert_int_equal(config_load(path, &cfg, &error), -EINVAL);
	snprintf(want, sizeof(want), "%s:2: foo: unknown key", path);
	assert_string_equal(error, want);
	free(error);
	unlink(path);
}

static void many_guests_are_read(void **state)
{
	char *text, *error;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	struct config cfg;

	fprintf(f, "subnet: 10.0.0.0/8\nguests:\n");
	for (unsigned int i = 0; i < 1000; i++)
		fprintf(f, "- { name: g%u, mac: '52:54:00:00:%02x:%02x', ip: 10.1.%u.%u }\n",
			i, i >> 8, i & 255, i >> 8, i & 255);
	fclose(f);
	assert_int_equal(config_parse("t.yaml", text, size, &cfg, &error), 0);
	assert_int_equal(cfg.n_guests, 1000);
	assert_string_equal(cfg.guests[999].name, "g999");
	config_release(&cfg);
	free(text);
}

/* Cut anywhere, a file is read or refused, and nothing leaks or overruns. */
static void truncated_files_do_no_harm(void **state)
{
	const char *text = good_rows[5].text;
	struct config cfg;
	char *error;

	for (size_t len = 0; len < strlen(text); len++) {
		char *copy = malloc(len + 1);

		memcpy(copy, text, len);
		if (!config_parse("t.yaml", copy, len, &cfg, &error))
			config_release(&cfg);
		else
			assert_non_null(error);
		free(error);
		free(copy);
	}
}

static void guest_ip_is_joined_with_the_subnet(void **state)
{
	struct config cfg = { .subnet_auto = true };
	struct config_guest g = { .ip = htonl(10) };

	assert_int_equal(config_guest_ip(&cfg, &g, htonl(0x0a140000)), htonl(0x0a14000a));
	g.ip = 0;
	assert_int_equal(config_guest_ip(&cfg, &g, htonl(0x0a140000)), 0);
	cfg.subnet_auto = false;
	g.ip = htonl(0x0a140007);
	assert_int_equal(config_guest_ip(&cfg, &g, htonl(0x0a140000)), htonl(0x0a140007));
}

int main(void)
{
	struct CMUnitTest tests[UNIT_N(bad_rows) + UNIT_N(good_rows) + 8], *end = tests;
	const struct CMUnitTest others[] = {
		cmocka_unit_test(missing_file_is_named),
		cmocka_unit_test(file_on_disk_is_read),
		cmocka_unit_test(many_guests_are_read),
		cmocka_unit_test(truncated_files_do_no_harm),
		cmocka_unit_test(guest_ip_is_joined_with_the_subnet),
	};

	end = UNIT_ROWS(end, bad_rows, bad_file_is_one_error);
	end = UNIT_ROWS(end, good_rows, good_file_means);
	for (size_t i = 0; i < UNIT_N(others); i++)
		*end++ = others[i];
	return UNIT_RUN(tests, end);
}
