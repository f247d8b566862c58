// SPDX-License-Identifier: GPL-2.0-only
/*
 * flood: a guest that opens flows as fast as it can, each with one frame from a
 * raw socket, 64 of them a system call.
 *
 *	flood [-u] IFNAME udp|syn COUNT SPORTS GATEWAY-MAC SOURCE DESTINATION
 *
 * The source ports are SPORTS numbers from 1024 on, for each destination port
 * from 1024 on.  Prints "sent COUNT" and ends; with -u it goes on, with flows that
 * it has not begun yet, until SIGTERM, and prints how many there were.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#define BATCH		64
#define FIRST_PORT	1024	/* not to be taken for DHCP */
#define PORTS		(65536 - FIRST_PORT)

struct frame {
	struct ethhdr eth;
	struct iphdr ip;
	union {
		struct udphdr udp;
		struct tcphdr tcp;
	};
} __attribute__((packed));

struct flood {
	int fd;
	struct frame first;		/* with ports 0 */
	unsigned int len;
	__u32 sum;			/* of its transport, partial */
	unsigned long count, sports;
};

static volatile sig_atomic_t stopped;

static void stop(int number)
{
	(void)number;
	stopped = 1;
}

static void die(const char *what)
{
	fprintf(stderr, "flood: %s: %s\n", what, strerror(errno));
	exit(1);
}

static __u32 sum_words(const void *bytes, unsigned int len, __u32 sum)
{
	const __u8 *b = bytes;

	for (unsigned int i = 0; i < len; i += 2)
		sum += b[i] << 8 | b[i + 1];
	return sum;
}

static __be16 checksum(__u32 sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

static void open_socket(struct flood *f, const char *ifname)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET };
	struct ifreq req = {};
	int one = 1;

	f->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (f->fd < 0)
		die("socket");
	at.sll_ifindex = if_nametoindex(ifname);
	if (bind(f->fd, (struct sockaddr *)&at, sizeof(at)))
		die(ifname);
	/* No queue that could drop some. */
	if (setsockopt(f->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)))
		die("PACKET_QDISC_BYPASS");
	strncpy(req.ifr_name, ifname, sizeof(req.ifr_name) - 1);
	if (ioctl(f->fd, SIOCGIFHWADDR, &req))
		die(ifname);
	memcpy(f->first.eth.h_source, req.ifr_hwaddr.sa_data, ETH_ALEN);
}

static bool parse_mac(const char *text, __u8 mac[ETH_ALEN])
{
	return sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", mac, mac + 1, mac + 2, mac + 3,
		      mac + 4, mac + 5) == ETH_ALEN;
}

static void make_first(struct flood *f, bool tcp)
{
	struct frame *p = &f->first;
	unsigned int l4_len = tcp ? sizeof(p->tcp) : sizeof(p->udp);

	f->len = sizeof(p->eth) + sizeof(p->ip) + l4_len;
	p->eth.h_proto = htons(ETH_P_IP);
	p->ip.version = 4;
	p->ip.ihl = 5;
	p->ip.ttl = 64;
	p->ip.protocol = tcp ? IPPROTO_TCP : IPPROTO_UDP;
	p->ip.tot_len = htons(sizeof(p->ip) + l4_len);
	p->ip.check = checksum(sum_words(&p->ip, sizeof(p->ip), 0));
	if (tcp) {
		p->tcp.doff = 5;
		p->tcp.syn = 1;
		p->tcp.window = htons(65000);
	} else {
		p->udp.len = htons(l4_len);
	}
	f->sum = sum_words(&p->ip.saddr, 8, p->ip.protocol + l4_len);
	f->sum = sum_words((__u8 *)(&p->ip + 1), l4_len, f->sum);
}

/* The frame of flow @number. */
static void make_frame(const struct flood *f, unsigned long number, struct frame *out)
{
	__u16 sport = FIRST_PORT + number % f->sports;
	__u16 dport = FIRST_PORT + number / f->sports % PORTS;
	__be16 check = checksum(f->sum + sport + dport);

	*out = f->first;
	out->udp.source = htons(sport);	/* where TCP has its ports, too */
	out->udp.dest = htons(dport);
	if (f->first.ip.protocol == IPPROTO_TCP)
		out->tcp.check = check;
	else
		out->udp.check = check ? check : 0xffff;
}

static void send_batch(const struct flood *f, unsigned long number, unsigned int n)
{
	static struct frame frames[BATCH];
	static struct iovec iov[BATCH];
	static struct mmsghdr msgs[BATCH];
	unsigned int done = 0;

	for (unsigned int i = 0; i < n; i++) {
		make_frame(f, number + i, &frames[i]);
		iov[i] = (struct iovec) { &frames[i], f->len };
		msgs[i].msg_hdr = (struct msghdr) { .msg_iov = &iov[i], .msg_iovlen = 1 };
	}
	while (done < n) {
		int sent = sendmmsg(f->fd, msgs + done, n - done, 0);

		if (sent < 0 && errno != ENOBUFS && errno != EINTR)
			die("send");
		done += sent > 0 ? sent : 0;
	}
}

static void flood(const struct flood *f, bool until_told)
{
	unsigned long number = 0;

	while (number < f->count && !stopped) {
		unsigned long n = f->count - number < BATCH ? f->count - number : BATCH;

		send_batch(f, number, n);
		number += n;
	}
	printf("sent %lu\n", number);
	fflush(stdout);
	while (until_told && !stopped) {
		send_batch(f, number, BATCH);
		number += BATCH;
	}
	if (until_told)
		printf("total %lu\n", number);
}

static int usage(void)
{
	fputs("usage: flood [-u] IFNAME udp|syn COUNT SPORTS GATEWAY-MAC SOURCE DESTINATION\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	bool until_told = argc > 1 && !strcmp(argv[1], "-u"), tcp;
	struct flood f = {};

	argv += until_told;
	argc -= until_told;
	if (argc != 8)
		return usage();
	tcp = !strcmp(argv[2], "syn");
	f.count = strtoul(argv[3], NULL, 10);
	f.sports = strtoul(argv[4], NULL, 10);
	if ((!tcp && strcmp(argv[2], "udp")) || !f.sports || f.sports > PORTS ||
	    !parse_mac(argv[5], f.first.eth.h_dest) ||
	    inet_pton(AF_INET, argv[6], &f.first.ip.saddr) != 1 ||
	    inet_pton(AF_INET, argv[7], &f.first.ip.daddr) != 1)
		return usage();
	signal(SIGTERM, stop);
	open_socket(&f, argv[1]);
	make_first(&f, tcp);
	flood(&f, until_told);
	return 0;
}
