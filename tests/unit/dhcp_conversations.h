/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What clients ask, what operators and time do, and what has to come of it:
 * RFC 2131 4.3 and 4.4, tables 3 and 5.  The words are dhcp_script.h's and
 * do_step()'s.  Addresses that nobody wished for are where the MAC's hash
 * falls; that it stays so is what gives a forgotten guest its address again.
 */
#ifndef CULVERT_TESTS_DHCP_CONVERSATIONS_H
#define CULVERT_TESTS_DHCP_CONVERSATIONS_H

#define STEPS 32

#define HEX_10	"00112233445566778899"
#define HEX_100	HEX_10 HEX_10 HEX_10 HEX_10 HEX_10 HEX_10 HEX_10 HEX_10 HEX_10 HEX_10

struct row {
	const char *name;
	const char *step[STEPS];	/* what is done, what comes of it, and so on */
};

static const struct row rows[] = {
	/* --- the end of a lease, as a monitor is told */
	{ "a lease beyond its horizon has ended", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"tick 3601", "", "ended", "",
		"tick 3600", "", "ended", "7/1 .50" } },
	{ "an offer that nobody took has not, nor a lease that was released", {
		"discover want=.50", "offer .50 to A@.50 3600s: offered",
		"tick 61", "", "ended", "",
		"request want=.51", "ack .51 to A@.51 3600s: bound again",
		"release ciaddr=.51 server=.1", "nothing: released",
		"tick 7201", "", "ended", "" } },
	/* --- DISCOVER */
	{ "DISCOVER of a new client is offered what it wishes", {
		"discover want=.50", "offer .50 to A@.50 3600s: offered",
		"show", "A=.50 offered 60s/60s" } },
	{ "DISCOVER without a wish gets the same address each time", {
		"discover", "offer .24 to A@.24 3600s: offered",
		"discover", "offer .24 to A@.24 3600s: offered",
		"tick 61", "",
		"show", "",
		"discover", "offer .24 to A@.24 3600s: offered" } },
	{ "DISCOVER with the broadcast flag is answered to all", {
		"discover want=.50 bcast", "offer .50 to all@255.255.255.255 3600s: offered" } },
	{ "DISCOVER with a stray ciaddr is answered at yiaddr", {
		"discover want=.50 ciaddr=.77", "offer .50 to A@.50 3600s: offered" } },
	{ "DISCOVER of a bound client is offered its own and stays bound", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"discover want=.60", "offer .50 to A@.50 3600s: offered",
		"show", "1=.50 A=.50 bound 3600s/7200s" } },
	{ "DISCOVER wishing for another network is offered what is free", {
		"discover want=192.0.2.5", "offer .24 to A@.24 3600s: offered" } },
	{ "DISCOVER wishing for the gateway's, network's, broadcast address", {
		"discover want=.1", "offer .24 to A@.24 3600s: offered",
		"discover want=.0", "offer .24 to A@.24 3600s: offered",
		"discover want=.255", "offer .24 to A@.24 3600s: offered" } },
	{ "DISCOVER wishing for another guest's address", {
		"request by=B want=.50", "ack .50 to B@.50 3600s: bound again",
		"discover want=.50", "offer .24 to A@.24 3600s: offered" } },
	{ "DISCOVER wishing for an address offered to another guest", {
		"discover by=B want=.50", "offer .50 to B@.50 3600s: offered",
		"discover want=.50", "offer .24 to A@.24 3600s: offered",
		"tick 61", "",
		"discover by=C want=.50", "offer .50 to C@.50 3600s: offered" } },
	{ "DISCOVER with rapid commit (80) is offered, without 80", {
		"discover want=.50 rapid", "offer .50 to A@.50 3600s: offered" } },
	{ "DISCOVER with rapid commit where it is enabled is bound at once", {
		"rapid-commit", "",
		"discover want=.50 rapid see=80", "ack .50 to A@.50 3600s 80=: bound at once",
		"show", "1=.50 A=.50 bound 3600s/7200s",
		"discover by=B want=.51", "offer .51 to B@.51 3600s: offered",
		"discover by=C want=.50 rapid", "ack .122 to C@.122 3600s: bound at once" } },
	{ "rapid commit is not for who is told to do without IPv4 (RFC 8925)", {
		"rapid-commit", "",
		"file dhcp: { options: [ { option: ipv6-only, value: 1800 } ] }", "",
		"discover want=.50 rapid list=1,3,108 see=108", "offer .50 to A@.50 3600s 108=00000708: offered",
		"discover by=B want=.51 rapid list=1,3 see=108", "ack .51 to B@.51 3600s 108=-: bound at once" } },
	{ "client id is echoed unaltered", {
		"discover want=.50 id=\xff\x01seven", "offer .50 to A@.50 3600s: offered",
		"select want=.50 server=.1 id=\xff\x01seven", "ack .50 to A@.50 3600s: bound" } },
	{ "client id longer than a lease keeps is echoed too", {
		"discover want=.50 id=0123456789012345678901234567890123456789",
		"offer .50 to A@.50 3600s: offered" } },
	{ "another client id on the same port has the same lease", {
		"discover want=.50 id=firmware", "offer .50 to A@.50 3600s: offered",
		"select want=.50 server=.1 id=firmware", "ack .50 to A@.50 3600s: bound",
		"discover id=system", "offer .50 to A@.50 3600s: offered",
		"select want=.50 server=.1 id=system", "ack .50 to A@.50 3600s: bound" } },
	/* --- REQUEST, SELECTING */
	{ "SELECTING binds, opens the port, keeps the name", {
		"discover want=.50 host=Web.example", "offer .50 to A@.50 3600s: offered",
		"select want=.50 server=.1 host=Web.example", "ack .50 to A@.50 3600s: bound",
		"show", "1=.50 A=.50 bound 3600s/7200s web" } },
	{ "SELECTING another server is not answered, and the offer is taken back", {
		"discover want=.50", "offer .50 to A@.50 3600s: offered",
		"select want=.60 server=.2", "nothing: another server was chosen",
		"show", "" } },
	{ "SELECTING another server leaves a binding alone", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"select want=.60 server=.2", "nothing: another server was chosen",
		"show", "1=.50 A=.50 bound 3600s/7200s" } },
	{ "SELECTING what was not offered is refused, to all", {
		"discover want=.50", "offer .50 to A@.50 3600s: offered",
		"select want=.60 server=.1", "nak 0.0.0.0 to all@255.255.255.255: lease is of another address" } },
	{ "SELECTING after the offer has run out binds while it is free", {
		"discover want=.50", "offer .50 to A@.50 3600s: offered",
		"tick 61", "",
		"select want=.50 server=.1", "ack .50 to A@.50 3600s: bound" } },
	{ "SELECTING after the offer went to another is refused", {
		"discover want=.50", "offer .50 to A@.50 3600s: offered",
		"tick 61", "",
		"discover by=B want=.50", "offer .50 to B@.50 3600s: offered",
		"select want=.50 server=.1", "nak 0.0.0.0 to all@255.255.255.255: address is not available" } },
	{ "SELECTING without an address is not answered", {
		"select server=.1", "nothing: names no address" } },
	{ "SELECTING with the broadcast flag", {
		"discover want=.50 bcast", "offer .50 to all@255.255.255.255 3600s: offered",
		"select want=.50 server=.1 bcast", "ack .50 to all@255.255.255.255 3600s: bound" } },
	/* --- REQUEST, INIT-REBOOT */
	{ "INIT-REBOOT of a known client", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"wait 100", "",
		"reboot want=.50", "ack .50 to A@.50 3600s: bound again",
		"show", "1=.50 A=.50 bound 3600s/7200s" } },
	{ "INIT-REBOOT of a known client with another address is refused", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"reboot want=.60", "nak 0.0.0.0 to all@255.255.255.255: lease is of another address" } },
	{ "INIT-REBOOT in the wrong network is refused", {
		"reboot want=192.168.122.5", "nak 0.0.0.0 to all@255.255.255.255: wrong network" } },
	{ "INIT-REBOOT of an unknown client: the address is free, so it has it", {
		"reboot want=.50", "ack .50 to A@.50 3600s: bound again" } },
	{ "INIT-REBOOT of an unknown client: the address is another's", {
		"request by=B want=.50", "ack .50 to B@.50 3600s: bound again",
		"reboot want=.50", "nak 0.0.0.0 to all@255.255.255.255: address is not available" } },
	{ "INIT-REBOOT with the gateway's or broadcast address is refused", {
		"reboot want=.1", "nak 0.0.0.0 to all@255.255.255.255: address is not available",
		"reboot want=.255", "nak 0.0.0.0 to all@255.255.255.255: address is not available" } },
	/* --- REQUEST, RENEWING and REBINDING */
	{ "RENEWING extends, and answers at ciaddr", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"wait 1800", "",
		"renew ciaddr=.50", "ack .50 to A@.50 3600s: renewed",
		"show", "1=.50 A=.50 bound 3600s/7200s" } },
	{ "RENEWING is answered at ciaddr even with the broadcast flag", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"renew ciaddr=.50 bcast", "ack .50 to A@.50 3600s: renewed" } },
	{ "REBINDING extends", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"rebind ciaddr=.50", "ack .50 to A@.50 3600s: renewed" } },
	{ "RENEWING and REBINDING of an unknown client with a free address", {
		"renew ciaddr=.50", "ack .50 to A@.50 3600s: renewed",
		"rebind by=B ciaddr=.51", "ack .51 to B@.51 3600s: renewed",
		"show", "1=.50 2=.51 A=.50 bound 3600s/7200s B=.51 bound 3600s/7200s" } },
	{ "REBINDING of an unknown client with another's address", {
		"request by=B want=.50", "ack .50 to B@.50 3600s: bound again",
		"rebind ciaddr=.50", "nak 0.0.0.0 to all@255.255.255.255: address is not available" } },
	{ "REBINDING in the wrong network", {
		"rebind ciaddr=192.0.2.7", "nak 0.0.0.0 to all@255.255.255.255: wrong network" } },
	{ "RENEWING that names the server, as some clients do", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"renew ciaddr=.50 server=.1", "ack .50 to A@.50 3600s: renewed",
		"renew ciaddr=.50 server=.2", "nothing: renews with another server",
		"show", "1=.50 A=.50 bound 3600s/7200s" } },
	{ "RENEWING another address than the lease's", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"renew ciaddr=.51", "nak 0.0.0.0 to all@255.255.255.255: lease is of another address" } },
	{ "REQUEST with neither 50, 54 nor ciaddr asks for nothing", {
		"request", "nothing: asks for nothing" } },
	/* --- DECLINE, RELEASE, INFORM */
	{ "DECLINE takes the address from everybody for ten minutes", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"decline want=.50 server=.1", "nothing: declined: somebody else answers for the address",
		"show", "declined=.50 600s",
		"left", "7/1",
		"discover want=.50", "offer .24 to A@.24 3600s: offered",
		"tick 601", "",
		"discover by=B want=.50", "offer .50 to B@.50 3600s: offered" } },
	{ "DECLINE of what the client does not have does nothing", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"decline want=.51 server=.1", "nothing: declines what it does not have",
		"decline by=B want=.50 server=.1", "nothing: declines what it does not have",
		"decline want=.50 server=.2", "nothing: declined to another server",
		"decline server=.1", "nothing: declines what it does not have",
		"show", "1=.50 A=.50 bound 3600s/7200s" } },
	{ "DECLINE again and again leaves the other guests addresses", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"decline want=.50 server=.1", "nothing: declined: somebody else answers for the address",
		"request want=.51", "ack .51 to A@.51 3600s: bound again",
		"decline want=.51 server=.1", "nothing: declined: somebody else answers for the address",
		"request want=.52", "ack .52 to A@.52 3600s: bound again",
		"decline want=.52 server=.1", "nothing: declined: somebody else answers for the address",
		"request want=.53", "ack .53 to A@.53 3600s: bound again",
		"decline want=.53 server=.1", "nothing: declined: somebody else answers for the address",
		"request want=.54", "ack .54 to A@.54 3600s: bound again",
		"decline want=.54 server=.1", "nothing: declines too many addresses",
		"request by=B want=.55", "ack .55 to B@.55 3600s: bound again",
		"decline by=B want=.55 server=.1", "nothing: declined: somebody else answers for the address",
		"tick 601", "",
		"decline want=.54 server=.1", "nothing: declined: somebody else answers for the address" } },
	{ "RELEASE frees the address and closes the port", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"release ciaddr=.50 server=.1", "nothing: released",
		"show", "",
		"left", "7/1",
		"discover by=B want=.50", "offer .50 to B@.50 3600s: offered" } },
	{ "RELEASE of what the client does not have does nothing", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"release ciaddr=.51 server=.1", "nothing: releases what it does not have",
		"release ciaddr=.50 server=.2", "nothing: released to another server",
		"release by=B ciaddr=.50 server=.1", "nothing: releases what it does not have",
		"show", "1=.50 A=.50 bound 3600s/7200s" } },
	{ "what was given back before the kernel granted it anew stays", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"wait 100", "", "kernel-renews A", "",
		"release ciaddr=.50 server=.1 old=5", "nothing: was granted again since",
		"decline want=.50 server=.1 old=5", "nothing: was granted again since",
		"release ciaddr=.50 server=.1", "nothing: released" } },
	{ "RELEASE of a lease that is longer than those of now", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"lease-time 60", "",
		"release ciaddr=.50 server=.1", "nothing: released" } },
	{ "INFORM is told options alone, at ciaddr", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"inform ciaddr=.50", "ack 0.0.0.0 to A@.50: informed",
		"show", "1=.50 A=.50 bound 3600s/7200s" } },
	{ "INFORM for an address that the port does not have", {
		"inform ciaddr=.50", "nothing: asks for an address that it does not have",
		"inform", "nothing: asks for an address that it does not have" } },
	/* --- what is told */
	{ "options of the network: after its own, each once, what has no value not at all", {
		"file dhcp: { dns: none, options: [ { option: ntp, value: 10.20.0.5 10.20.0.6 }, "
		"{ option: 224, type: u16, value: 513 }, { option: mtu, value: 1400 }, { option: router } ] }", "",
		"discover want=.50 see=3,26,42,224 codes",
		"offer .50 to A@.50 3600s 3=- 26=0578 42=0a1400050a140006 224=0201 53 54 51 58 59 1 26 28 42 224: offered" } },
	{ "options of a guest go before the network's, and its lease is the daemon's", {
		"file dhcp: { options: [ { option: ntp, value: 10.20.0.5 } ] }\n"
		"guests: [ { name: b, options: [ { option: 42, value: 10.20.0.7 }, { option: hostname, value: bee } ] } ]", "",
		"discover by=B want=.51 see=42,12", "offer .51 to B@.51 3600s 42=0a140007 12=626565: offered",
		"select by=B want=.51 server=.1 see=42", "ack .51 to B@.51 3600s 42=0a140007: bound",
		"request want=.50 see=42,12", "ack .50 to A@.50 3600s 42=0a140005 12=-: bound again",
		"show", "1=.50 2=.51 B=.51 bound 3600s/7200s daemon A=.50 bound 3600s/7200s",
		"file guests: [ { name: a, options: [ { option: 12, value: ay } ] } ]", "",
		"show", "1=.50 2=.51 B=.51 bound 3600s/7200s A=.50 bound 3600s/7200s daemon",
		"renew ciaddr=.50 see=12", "ack .50 to A@.50 3600s 12=6179: renewed" } },
	{ "option 108 is only for who asks for it", {
		"file dhcp: { options: [ { option: ipv6-only, value: 300 } ] }", "",
		"discover want=.50 list=1,3,6 see=108", "offer .50 to A@.50 3600s 108=-: offered",
		"discover want=.50 list=1,108 see=108", "offer .50 to A@.50 3600s 108=0000012c: offered" } },
	{ "routes without a default one get the router's, and 249 is the same (RFC 3442)", {
		"file dhcp: { options: [ { option: routes, value: '10.0.0.0/8=10.20.0.5, 192.0.2.128/25=10.20.0.6' } ] }", "",
		"discover want=.50 see=121,249,3",
		"offer .50 to A@.50 3600s 121=080a0a14000519c00002800a140006000a140001 "
		"249=080a0a14000519c00002800a140006000a140001 3=0a140001: offered",
		"file dhcp: { options: [ { option: routes, value: 0.0.0.0/0=10.20.0.5 } ] }", "",
		"discover want=.50 see=121", "offer .50 to A@.50 3600s 121=000a140005: offered" } },
	{ "search list, compressed (RFC 3397)", {
		"file dhcp: { options: [ { option: search, value: eng.lab.vm mkt.lab.vm lab.vm } ] }", "",
		"discover want=.50 see=119",
		"offer .50 to A@.50 3600s 119=03656e67036c616202766d00036d6b74c004c004: offered" } },
	{ "an option of more than 255 bytes is split (RFC 3396)", {
		"file dhcp: { options: [ { option: 224, type: hex, value: " HEX_100 HEX_100 HEX_100 " } ] }", "",
		"discover want=.50 max=1500 see=224 codes",
		"offer .50 to A@.50 3600s 224=" HEX_100 HEX_100 HEX_100
		" 53 54 51 58 59 1 3 26 28 224 224: offered" } },
	{ "what is known of a network is not told in another that has its number", {
		"file dhcp: { options: [ { option: ntp, value: 10.20.0.5 } ] }", "",
		"discover want=.50 see=42", "offer .50 to A@.50 3600s 42=0a140005: offered",
		"rename other", "",
		"discover want=.50 see=42,3", "offer .50 to A@.50 3600s 42=- 3=0a140001: offered",
		"no-blob", "",
		"discover want=.50", "error -2" } },
	{ "a reply is no larger than the guest's link takes, whatever it allows", {
		"mtu 700", "",
		"file dhcp: { options: [ { option: 224, type: hex, value: " HEX_100 HEX_100 HEX_100 HEX_100 " }, "
		"{ option: 225, type: u8, value: 1 } ] }", "",
		"discover want=.50 max=1500 codes", "offer .50 to A@.50 3600s 53 54 51 58 59 1 3 26 28 225: offered",
		"mtu 1500", "",
		"file dhcp: { options: [ { option: 224, type: hex, value: " HEX_100 HEX_100 HEX_100 HEX_100 " }, "
		"{ option: 225, type: u8, value: 1 } ] }", "",
		"discover want=.50 max=1500 codes", "offer .50 to A@.50 3600s 53 54 51 58 59 1 3 26 28 224 224 225: offered" } },
	{ "what does not fit is left out, what was not asked for first", {
		"file dhcp: { options: [ { option: 224, type: hex, value: " HEX_100 HEX_100 " }, "
		"{ option: 225, type: hex, value: " HEX_100 " }, { option: 226, type: u8, value: 7 } ] }", "",
		"discover want=.50 list=1,3,225,226 codes",
		"offer .50 to A@.50 3600s 53 54 51 58 59 1 3 225 226 26 28: offered",
		"discover want=.50 list=224,3,225 codes",
		"offer .50 to A@.50 3600s 53 54 51 58 59 224 1 3 26 28 226: offered",
		"discover want=.50 max=1500 list=1 codes",
		"offer .50 to A@.50 3600s 53 54 51 58 59 1 3 26 28 224 225 226: offered" } },
	/* --- firmware */
	{ "PXE firmware is told its file, by its architecture", {
		"file dhcp: { boot: [ { arch: efi-x64, file: ipxe.efi, server: 10.20.0.5 }, "
		"{ arch: bios, file: undionly.kpxe }, { arch: efi-x64-http, file: 'http://10.20.0.5/b.efi' }, "
		"{ ipxe: yes, file: 'http://10.20.0.5/menu.ipxe' } ] }", "",
		"discover want=.50 class=PXEClient:Arch:00007:UNDI:003016 arch=7 list=1,3,66,67 boot see=66,67,60,175",
		"offer .50 to A@.50 3600s 66=31302e32302e302e35 67=697078652e656669 60=- 175=- file=ipxe.efi next=.5: offered",
		"discover want=.50 class=PXEClient arch=0 boot see=67", "offer .50 to A@.50 3600s 67=- file=undionly.kpxe next=.1: offered",
		"discover want=.50 class=PXEClient arch=11 boot", "offer .50 to A@.50 3600s file= next=.1: offered",
		"discover want=.50 class=HTTPClient:Arch:00016 arch=16 boot see=60,67",
		"offer .50 to A@.50 3600s 60=48545450436c69656e74 67=687474703a2f2f31302e32302e302e352f622e656669 "
		"file=http://10.20.0.5/b.efi next=.1: offered",
		"discover want=.50 class=PXEClient user=iPXE arch=7 boot see=60,175",
		"offer .50 to A@.50 3600s 60=- 175=b00101 file=http://10.20.0.5/menu.ipxe next=.1: offered",
		"discover want=.50 class=MSFT boot", "offer .50 to A@.50 3600s file= next=.1: offered" } },
	{ "PXE firmware gets no URL, HTTP firmware no path", {
		"file dhcp: { boot: [ { file: 'http://10.20.0.5/b.efi' }, { file: pxelinux.0 } ] }", "",
		"discover want=.50 class=PXEClient boot", "offer .50 to A@.50 3600s file=pxelinux.0 next=.1: offered",
		"discover want=.50 class=HTTPClient boot", "offer .50 to A@.50 3600s file=http://10.20.0.5/b.efi next=.1: offered" } },
	/* --- relays */
	{ "a trusted relay asks for others; the answer goes to it, 82 last", {
		"relay 2", "",
		"discover by=B mac=02:00:00:00:00:77 giaddr=.9 want=.70 agent=0104cafe0001 see=82 codes",
		"offer .70 to B@.9 3600s 82=0104cafe0001 53 54 51 58 59 1 3 26 82: offered",
		"select by=B mac=02:00:00:00:00:77 giaddr=.9 want=.70 server=.1 agent=0104cafe0001",
		"ack .70 to B@.9 3600s: bound",
		"show", "2=.9 77=.70 bound 3600s/7200s",
		"reboot by=B mac=02:00:00:00:00:77 giaddr=.9 want=.71", "nak 0.0.0.0 to B@.9: lease is of another address",
		"tick 10", "",
		"renew by=B mac=02:00:00:00:00:77 giaddr=.9 ciaddr=.70", "ack .70 to B@.9 3600s: renewed",
		"release by=B mac=02:00:00:00:00:77 ciaddr=.70 server=.1", "nothing: released",
		"show", "2=.9" } },
	{ "a trusted relay asks for this network's addresses, and for no other port's guest", {
		"relay 2", "",
		"discover by=B mac=02:00:00:00:00:77 giaddr=192.0.2.1", "nothing: asks for another network",
		"discover by=B mac=02:00:00:00:00:77 giaddr=.9 agent=0504c0000200", "nothing: asks for another network",
		"discover by=B mac=02:00:00:00:00:77 giaddr=192.0.2.1 agent=05040a140000 want=.70", "offer .70 to B@192.0.2.1 3600s: offered",
		"discover by=B mac=02:00:00:00:00:77 link=192.0.2.0", "nothing: asks for another network",
		"discover by=B mac=03:00:00:00:00:77", "nothing: is for no client",
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"release by=B chaddr=A ciaddr=.50 server=.1", "nothing: is another port's client" } },
	{ "clients behind a relay do not get the relay's own address, and go with its port", {
		"relay 2", "",
		"reboot by=B mac=02:00:00:00:00:77 giaddr=.9 want=.9", "nak 0.0.0.0 to B@.9: address is not available",
		"reboot by=B mac=02:00:00:00:00:77 giaddr=.9 want=.70", "ack .70 to B@.9 3600s: bound again",
		"remove 2", "",
		"tick 0", "",
		"leases", "0" } },
	/* --- who may ask */
	{ "BOOTP, replies and relayed requests are not answered", {
		"bootp", "nothing: not a DHCP request",
		"offer", "nothing: asks for nothing",
		"discover giaddr=.9", "nothing: was relayed",
		"show", "" } },
	{ "a client asks for itself alone", {
		"discover chaddr=B", "nothing: asks for another client",
		"discover by=B slot=1", "nothing: asks for another client",
		"show", "" } },
	{ "ports and networks that are not there", {
		"discover slot=9", "nothing: the port is gone",
		"discover net=9", "nothing: the port is gone",
		"remove 1", "",
		"discover", "nothing: the port is gone" } },
	{ "a network without DHCP is silent", {
		"off", "",
		"discover", "nothing: this network answers no DHCP" } },
	{ "what lay in the ring while nobody served is not answered", {
		"discover want=.50 old=10", "offer .50 to A@.50 3600s: offered",
		"release ciaddr=.50 server=.1 old=11", "nothing: asked too long ago",
		"discover by=B old=600", "nothing: asked too long ago" } },
	{ "what was given up while nobody served is ended, however late", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"kernel-leaves A", "",
		"show", "1=.50 A=.50 leaving 3600s/7200s",
		"tick 60", "",
		"show", "1=.50 A=.50 leaving 3540s/7140s",
		"renew ciaddr=.50 old=60", "nothing: asked too long ago",
		"release by=B chaddr=A ciaddr=.50 server=.1 old=60", "nothing: asks for another client",
		"release ciaddr=.51 server=.1 old=60", "nothing: releases what it does not have",
		"release ciaddr=.50 server=.1 old=60", "nothing: released",
		"show", "",
		"discover", "offer .50 to A@.50 3600s: offered" } },
	{ "and what was declined is nobody's", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"kernel-leaves A", "",
		"wait 60", "",
		"decline want=.50 server=.1 old=60", "nothing: declined: somebody else answers for the address",
		"show", "declined=.50 600s" } },
	{ "who asks again has his lease, when what he gave up with was lost", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"kernel-leaves A", "",
		"restart", "",
		"tick 100", "",
		"discover by=B want=.50", "offer .17 to B@.17 3600s: offered",
		"discover", "offer .50 to A@.50 3600s: offered",
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"show", "1=.50 A=.50 bound 3600s/7200s B=.17 offered 60s/60s" } },
	{ "a request cut short is nothing", {
		"cut", "nothing: not a DHCP request" } },
	/* --- reservations */
	{ "a reservation by name comes before every wish, and has no end", {
		"reserve b .9", "",
		"discover by=B want=.50", "offer .9 to B@.9 3600s: offered",
		"select by=B want=.9 server=.1", "ack .9 to B@.9 3600s: bound",
		"tick 99999", "",
		"show", "2=.9 B=.9 bound static" } },
	{ "a reservation by MAC", {
		"reserve-mac B .9", "",
		"discover by=B", "offer .9 to B@.9 3600s: offered" } },
	{ "a reserved address is nobody else's", {
		"reserve b .9", "",
		"discover want=.9", "offer .24 to A@.24 3600s: offered",
		"reboot by=C want=.9", "nak 0.0.0.0 to all@255.255.255.255: address is not available" } },
	{ "who has a reservation has no other address", {
		"reserve b .9", "",
		"reboot by=B want=.50", "nak 0.0.0.0 to all@255.255.255.255: address is not available",
		"reboot by=B want=.9", "ack .9 to B@.9 3600s: bound again" } },
	{ "a static port has its address, whatever the client wishes", {
		"static 3 .7", "",
		"discover by=C want=.50", "offer .7 to C@.7 3600s: offered",
		"select by=C want=.7 server=.1", "ack .7 to C@.7 3600s: bound",
		"show", "3=.7 C=.7 bound static",
		"release by=C ciaddr=.7 server=.1", "nothing: released",
		"show", "3=.7 C=.7 bound static",
		"decline by=C want=.7 server=.1", "nothing: declined: somebody else answers for the address",
		"show", "3=.7 C=.7 bound static" } },
	{ "what a command has reserved for a guest to come is nobody else's", {
		"static-lease C .9", "",
		"tick 0", "",
		"discover want=.9", "offer .24 to A@.24 3600s: offered",
		"discover by=C", "offer .9 to C@.9 3600s: offered",
		"tick 99999", "",
		"show", "C=.9 bound static" } },
	{ "a static port's address is not given away before it asks", {
		"static 3 .7", "",
		"discover want=.7", "offer .24 to A@.24 3600s: offered" } },
	{ "a declined reservation gives way to the pool meanwhile", {
		"reserve a .9", "",
		"request want=.9", "ack .9 to A@.9 3600s: bound again",
		"decline want=.9 server=.1", "nothing: declined: somebody else answers for the address",
		"discover", "offer .24 to A@.24 3600s: offered",
		"select want=.24 server=.1", "ack .24 to A@.24 3600s: bound" } },
	{ "a new reservation: the kernel stops renewing, the client is told", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"reserve a .9", "",
		"tick 10", "",
		"show", "1=.50 A=.50 suspended 3590s/7190s",
		"renew ciaddr=.50", "nak 0.0.0.0 to all@255.255.255.255: address is not available",
		"discover", "offer .9 to A@.9 3600s: offered",
		"select want=.9 server=.1", "ack .9 to A@.9 3600s: bound",
		"show", "1=.9 A=.9 bound static" } },
	{ "a reservation of an address that another guest has", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"reserve b .50", "",
		"discover by=B", "offer .17 to B@.17 3600s: offered",
		"tick 10", "",
		"rebind ciaddr=.50", "nak 0.0.0.0 to all@255.255.255.255: address is not available" } },
	{ "a reservation that is gone leaves an ordinary lease", {
		"reserve a .9", "",
		"request want=.9", "ack .9 to A@.9 3600s: bound again",
		"reserve b .11", "",
		"tick 10", "",
		"show", "1=.9 A=.9 bound 3600s/7200s",
		"renew ciaddr=.9", "ack .9 to A@.9 3600s: renewed" } },
	/* --- time */
	{ "a lease is kept to its horizon, then address and port are taken back", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"tick 7199", "",
		"show", "1=.50 A=.50 bound 0s/1s",
		"tick 1", "",
		"show", "",
		"left", "7/1",
		"discover by=B want=.50", "offer .50 to B@.50 3600s: offered" } },
	{ "what the kernel renewed has its horizon moved", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"wait 1800", "",
		"kernel-renews A", "",
		"tick 0", "",
		"show", "1=.50 A=.50 bound 3600s/7200s" } },
	{ "a lease beyond its horizon that no scan has met is given anew to its owner", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"wait 8000", "",
		"reboot want=.50", "ack .50 to A@.50 3600s: bound again" } },
	{ "leases of a removed port and of a removed network go", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"request by=B want=.51", "ack .51 to B@.51 3600s: bound again",
		"remove 1", "",
		"tick 0", "",
		"show", "2=.51 B=.51 bound 3600s/7200s",
		"remove-network", "",
		"tick 0", "",
		"leases", "0" } },
	{ "a port made again with another MAC does not inherit the lease", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"replace 1", "",
		"tick 0", "",
		"leases", "0" } },
	/* --- the daemon dies */
	{ "a new server adopts the leases and knows their addresses", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"discover by=C want=.52", "offer .52 to C@.52 3600s: offered",
		"restart", "",
		"discover by=B want=.50", "offer .17 to B@.17 3600s: offered",
		"discover by=B want=.52", "offer .17 to B@.17 3600s: offered",
		"renew ciaddr=.50", "ack .50 to A@.50 3600s: renewed",
		"select by=C want=.52 server=.1", "ack .52 to C@.52 3600s: bound" } },
	{ "half a binding, address without lease, is taken back", {
		"half 1 .50", "",
		"show", "1=.50",
		"restart", "",
		"show", "" } },
	/* --- what is on disk */
	{ "after a reboot a client has its lease again, and nobody else has its address", {
		"request want=.50 host=web", "ack .50 to A@.50 3600s: bound again",
		"boot", "",
		"show", "1=.50 A=.50 bound 3601s/7201s web",
		"discover by=B want=.50", "offer .17 to B@.17 3600s: offered",
		"renew ciaddr=.50", "ack .50 to A@.50 3600s: renewed" } },
	{ "after a reboot a client behind a relay has its lease again", {
		"relay 2", "",
		"reboot by=B mac=02:00:00:00:00:77 giaddr=.9 want=.70", "ack .70 to B@.9 3600s: bound again",
		"boot", "",
		"request want=.70", "nak 0.0.0.0 to all@255.255.255.255: address is not available",
		"renew by=B mac=02:00:00:00:00:77 giaddr=.9 ciaddr=.70", "ack .70 to B@.9 3600s: renewed",
		"show", "2=.9 77=.70 bound 3600s/7200s",
		"tick 10", "",
		"show", "2=.9 77=.70 bound 3590s/7190s" } },
	{ "after a reboot a relay does not get the lease of a guest whose port comes later", {
		"relay 2", "",
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"down", "", "boot", "", "up", "", "port 2", "", "relay 2", "", "tick 0", "",
		"show", "2=.9 A=.50 bound 3601s/7201s",
		"discover by=B chaddr=A giaddr=.9", "nothing: is another port's client",
		"reboot by=B chaddr=A giaddr=.9 want=.50", "nothing: is another port's client",
		"release by=B chaddr=A ciaddr=.50 server=.1", "nothing: is another port's client",
		"port 1", "",
		"reboot want=.50", "ack .50 to A@.50 3600s: bound again" } },
	{ "after a reboot a relay's client has not a port's address, though the port has its MAC", {
		"relay 2", "",
		"reboot by=B chaddr=A giaddr=.9 want=.70", "ack .70 to B@.9 3600s: bound again",
		"boot", "",
		"show", "2=.9 0a=.70 bound 3601s/7201s",
		"renew by=B chaddr=A giaddr=.9 ciaddr=.70", "ack .70 to B@.9 3600s: renewed",
		"boot", "",
		"reboot want=.70", "ack .70 to A@.70 3600s: bound again",
		"show", "1=.70 2=.9 A=.70 bound 3600s/7200s" } },
	{ "whose lease is not known to be a port's or a relay's, either may have it", {
		"relay 2", "",
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"reboot by=B mac=02:00:00:00:00:77 giaddr=.9 want=.70", "ack .70 to B@.9 3600s: bound again",
		"old-store", "",
		"down", "", "boot", "", "up", "", "port 2", "", "relay 2", "", "tick 0", "",
		"reboot by=B mac=02:00:00:00:00:77 giaddr=.9 want=.70", "ack .70 to B@.9 3600s: bound again",
		"reboot by=B chaddr=A giaddr=.9 want=.50", "nothing: is another port's client",
		"port 1", "",
		"reboot want=.50", "ack .50 to A@.50 3600s: bound again" } },
	{ "after a reboot the lease of a guest with options of its own is the daemon's again", {
		"file guests: [ { name: a, options: [ { option: 12, value: ay } ] } ]", "",
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"request by=B want=.51", "ack .51 to B@.51 3600s: bound again",
		"down", "", "up", "", "port 1", "", "port 2", "", "tick 0", "",
		"show", "1=.50 2=.51 A=.50 bound 3601s/7201s daemon B=.51 bound 3601s/7201s" } },
	{ "a batch: who is behind a relay does not get what a port is given meanwhile", {
		"relay 2", "", "batch", "",
		"reboot by=B mac=02:00:00:00:00:77 giaddr=.9 want=.70", "ack .70 to B@.9 3600s: bound again",
		"show", "2=.9 77=.70 offered 60s/60s",
		"static 3 .70", "",
		"commit-fails", "",
		"show", "2=.9 3=.70" } },
	{ "a lease waits for a guest whose port comes later", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"down", "", "boot", "", "up", "", "port 2", "", "wait 100", "",
		"discover by=B want=.50", "offer .17 to B@.17 3600s: offered",
		"port 1", "" } },
	{ "a network that comes up again gives its guests their addresses", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"down", "", "tick 9000", "", "up", "", "port 1", "",
		"discover", "offer .50 to A@.50 3600s: offered" } },
	{ "a network taken down and up between two looks of the daemon forgets nothing", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"down", "", "up", "", "port 2", "", "port 1", "",
		"discover by=B want=.50", "offer .17 to B@.17 3600s: offered",
		"reboot want=.50", "ack .50 to A@.50 3600s: bound again" } },
	{ "the address of a removed port is free, and its guest's while nobody needs it", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"port-rm 1", "", "tick 5", "", "port 1", "",
		"discover", "offer .50 to A@.50 3600s: offered",
		"port-rm 1", "", "tick 5", "",
		"discover by=B want=.50", "offer .50 to B@.50 3600s: offered" } },
	{ "a released address is remembered over a reboot", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"release ciaddr=.50 server=.1", "nothing: released",
		"boot", "", "show", "",
		"discover", "offer .50 to A@.50 3600s: offered" } },
	{ "when none is fresh the address that is free for longest is given", {
		"small", "",
		"request want=.2", "ack .2 to A@.2 3600s: bound again",
		"release ciaddr=.2 server=.1", "nothing: released",
		"discover by=B", "offer .2 to B@.2 3600s: offered" } },
	{ "a declined address stays declined over a reboot", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"decline want=.50 server=.1", "nothing: declined: somebody else answers for the address",
		"boot", "",
		"show", "declined=.50 601s" } },
	{ "a clock that has lost its time ends no lease", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"clock -100000", "", "boot", "",
		"show", "1=.50 A=.50 bound 3601s/7201s" } },
	{ "a clock that is set forward meanwhile ends no lease either", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"clock 100000", "", "tick 5", "", "boot", "",
		"show", "1=.50 A=.50 bound 3596s/7196s" } },
	{ "what has ended while the host was off is not restored", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"down", "", "wait 7300", "", "up", "", "port 1", "", "boot", "",
		"show", "" } },
	{ "an address that a port has by command is not restored to another", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"down", "", "up", "", "port 1", "", "static 3 .50", "", "port 3", "",
		"reboot want=.50", "nak 0.0.0.0 to all@255.255.255.255: address is not available" } },
	{ "a batch: what is asked for twice is promised once, and durable", {
		"batch", "",
		"discover want=.50", "offer .50 to A@.50 3600s: offered",
		"select want=.50 server=.1", "ack .50 to A@.50 3600s: bound",
		"discover want=.50", "offer .50 to A@.50 3600s: offered",
		"request by=B want=.50", "nak 0.0.0.0 to all@255.255.255.255: address is not available",
		"show", "A=.50 offered 60s/60s",
		"commit", "",
		"show", "1=.50 A=.50 bound 3600s/7200s",
		"boot", "",
		"show", "1=.50 A=.50 bound 3601s/7201s" } },
	{ "a batch: what is bound and given back in it is nobody's", {
		"batch", "",
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"release ciaddr=.50 server=.1", "nothing: released",
		"commit", "",
		"show", "",
		"boot", "",
		"show", "" } },
	{ "a batch that a command comes between holds nothing of it", {
		"batch", "",
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"static 3 .50", "",
		"discover by=B want=.51", "offer .51 to B@.51 3600s: offered",
		"commit-fails", "",
		"show", "3=.50" } },
	{ "a full disk: nothing new is promised, and service resumes by itself", {
		"disk-full", "",
		"request want=.50", "error -5",
		"discover want=.51", "error -5",
		"show", "",
		"disk-well", "",
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"show", "1=.50 A=.50 bound 3600s/7200s" } },
	{ "a full disk: no lease is made longer, none is shortened", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"wait 1800", "", "kernel-renews A", "", "disk-full", "", "try-tick 0", "",
		"show", "1=.50 A=.50 bound 3600s/5400s",
		"disk-well", "", "tick 0", "" } },
	{ "a full disk: what is released is free, and is not given away undurably", {
		"request want=.50", "ack .50 to A@.50 3600s: bound again",
		"disk-full", "",
		"release ciaddr=.50 server=.1", "error -5",
		"show", "",
		"discover by=B want=.50", "error -5",
		"disk-well", "",
		"discover by=B want=.50", "offer .50 to B@.50 3600s: offered" } },
	/* --- what goes wrong */
	{ "a full map promises nothing", {
		"fail -7", "",
		"request want=.50", "error -7",
		"show", "",
		"fail -7", "",
		"discover want=.50", "error -7",
		"discover want=.50", "offer .50 to A@.50 3600s: offered" } },
	{ "while a command holds the lock nothing is bound", {
		"lock", "",
		"request want=.50", "error -11",
		"show", "",
		"unlock", "",
		"request want=.50", "ack .50 to A@.50 3600s: bound again" } },
	{ "a subnet with nothing left is silent, and says so", {
		"small", "",
		"discover by=A", "offer .2 to A@.2 3600s: offered",
		"discover by=B", "nothing: no address is left",
		"wait 61", "",
		"discover by=B", "offer .2 to B@.2 3600s: offered" } },
};

#endif
