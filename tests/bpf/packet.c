// SPDX-License-Identifier: GPL-2.0-only
/* Builds what packet.h describes.  Shares no code with bpf/. */
#include <stdio.h>
#include <string.h>

#include "packet.h"

void put16(__u8 *at, __u16 value)
{
	at[0] = value >> 8;
	at[1] = value;
}

void put32(__u8 *at, __u32 value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

void put48(__u8 *at, __u64 value)
{
	put16(at, value >> 32);
	put32(at + 2, value);
}

__u16 get16(const __u8 *at)
{
	return at[0] << 8 | at[1];
}

__u32 get32(const __u8 *at)
{
	return (__u32)get16(at) << 16 | get16(at + 2);
}

static __u32 sum_words(const __u8 *bytes, unsigned int len, __u32 sum)
{
	unsigned int i;

	for (i = 0; i + 1 < len; i += 2)
		sum += get16(bytes + i);
	if (len & 1)
		sum += (__u32)bytes[len - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

__u16 packet_checksum(const void *bytes, unsigned int len, __u32 sum)
{
	return ~sum_words(bytes, len, sum);
}

/* Of the pseudo header that TCP and UDP add. */
static __u32 pseudo_sum(const __u8 *ip, unsigned int l4_len)
{
	return sum_words(ip + 12, 8, 0) + ip[9] + l4_len;
}

/* A checksum that is wrong by a constant. */
static __u16 spoilt(__u16 check)
{
	__u32 sum = (__u32)check + 0x1234;

	return (sum & 0xffff) + (sum >> 16);
}

static unsigned int put_data(const struct packet *p, __u8 *out)
{
	unsigned int i;

	if (p->data)
		memcpy(out, p->data, p->len);
	else
		for (i = 0; i < p->len; i++)
			out[i] = i * 7 + 13;
	return p->len;
}

static unsigned int put_udp(const struct packet *p, const __u8 *ip, __u8 *out)
{
	unsigned int len = 8 + put_data(p, out + 8);
	__u16 check;

	put16(out, p->sport);
	put16(out + 2, p->dport);
	put16(out + 4, len);
	put16(out + 6, 0);
	if (p->no_csum)
		return len;
	check = packet_checksum(out, len, pseudo_sum(ip, len));
	check = p->bad_l4 ? spoilt(check) : check;
	put16(out + 6, check ? check : 0xffff);
	return len;
}

static unsigned int put_tcp(const struct packet *p, const __u8 *ip, __u8 *out)
{
	unsigned int len = 20 + put_data(p, out + 20);

	memset(out, 0, 20);
	put16(out, p->sport);
	put16(out + 2, p->dport);
	put32(out + 4, p->seq);
	put32(out + 8, p->ack);
	out[12] = (5 + p->tcp_options / 4) << 4;
	out[13] = p->flags;
	put16(out + 14, 65000);
	put16(out + 16, packet_checksum(out, len, pseudo_sum(ip, len)));
	if (p->bad_l4)
		put16(out + 16, spoilt(get16(out + 16)));
	return len;
}

static unsigned int put_quote(const struct packet *p, __u8 *out)
{
	__u8 quoted[PACKET_MAX];
	unsigned int len = packet_build(p->quote, quoted) - 14, n = p->quote_len;

	if (!n)
		n = 20 + p->quote->options_len + 8;
	if (n > len)
		n = len;
	memcpy(out, quoted + 14, n);
	return n;
}

static unsigned int put_icmp(const struct packet *p, __u8 *out)
{
	unsigned int len = 8;

	out[0] = p->type;
	out[1] = p->code;
	put16(out + 2, 0);
	put32(out + 4, p->rest);
	if (p->type == ECHO || p->type == ECHO_REPLY) {
		put16(out + 4, p->sport);
		put16(out + 6, p->dport);
	}
	if (p->quote)
		len += put_quote(p, out + len);
	len += put_data(p, out + len);
	put16(out + 2, packet_checksum(out, len, 0));
	if (p->bad_l4)
		put16(out + 2, spoilt(get16(out + 2)));
	return len;
}

static unsigned int put_transport(const struct packet *p, const __u8 *ip, __u8 *out)
{
	if (p->frag & 0x1fff || p->raw)
		return put_data(p, out);
	switch (p->proto) {
	case UDP:
		return put_udp(p, ip, out);
	case TCP:
		return put_tcp(p, ip, out);
	case ICMP:
		return put_icmp(p, out);
	default:
		return put_data(p, out);
	}
}

static unsigned int put_ip(const struct packet *p, __u8 *out)
{
	unsigned int hlen = 20 + p->options_len, len;

	memset(out, 0, 20);
	out[0] = (p->version ? p->version : 4) << 4 | (hlen / 4);
	out[1] = p->tos;
	put16(out + 4, p->id);
	put16(out + 6, p->frag);
	out[8] = p->ttl ? p->ttl : 64;
	out[9] = p->proto;
	put32(out + 12, p->saddr);
	put32(out + 16, p->daddr);
	if (p->options_len)
		memcpy(out + 20, p->options, p->options_len);
	len = hlen + put_transport(p, out, out + hlen);
	put16(out + 2, p->tot_len ? p->tot_len : len);
	put16(out + 10, packet_checksum(out, hlen, 0));
	if (p->bad_ip)
		put16(out + 10, spoilt(get16(out + 10)));
	if (p->ihl)
		out[0] = (out[0] & 0xf0) | (p->ihl & 0xf);
	return len;
}

unsigned int packet_build(const struct packet *p, __u8 *out)
{
	unsigned int len = 14;

	put48(out, p->dmac);
	put48(out + 6, p->smac);
	put16(out + 12, p->ethertype ? p->ethertype : 0x0800);
	len += p->ethertype ? put_data(p, out + 14) : put_ip(p, out + 14);
	memset(out + len, 0, p->trailer);
	return len + p->trailer;
}

unsigned int packet_part(const struct packet *p, unsigned int from, unsigned int len, bool more,
			 __u8 *out)
{
	__u8 whole[PACKET_MAX], *ip = out + 14;
	unsigned int size = packet_build(p, whole), hlen = 20 + p->options_len, head = 14 + hlen;

	if (len > size - head - from)
		len = size - head - from;
	memcpy(out, whole, head);
	memcpy(out + head, whole + head + from, len);
	put16(ip + 2, hlen + len);
	put16(ip + 6, (p->frag & ~0x1fff) | (more ? MF : 0) | from / 8);
	put16(ip + 10, 0);
	put16(ip + 10, packet_checksum(ip, hlen, 0));
	return head + len;
}

bool packet_l4_ok(const __u8 *ip, unsigned int len)
{
	unsigned int hlen = (ip[0] & 0xf) * 4, l4_len = len - hlen;
	const __u8 *l4 = ip + hlen;

	switch (ip[9]) {
	case UDP:
		return !get16(l4 + 6) || !packet_checksum(l4, l4_len, pseudo_sum(ip, l4_len));
	case TCP:
		return !packet_checksum(l4, l4_len, pseudo_sum(ip, l4_len));
	default:
		return !packet_checksum(l4, l4_len, 0);
	}
}

static bool differs(const __u8 *a, unsigned int a_len, const __u8 *b, unsigned int b_len,
		    unsigned int i)
{
	return i < a_len && (i >= b_len || a[i] != b[i]);
}

void packet_dump(const char *what, const __u8 *bytes, unsigned int len,
		 const __u8 *other, unsigned int other_len)
{
	unsigned int i, at, lines = 0;
	bool mark;

	printf("#   %s, %u bytes:\n", what, len);
	for (at = 0; at < len && lines < 8; at += 16) {
		for (i = at, mark = false; i < at + 16; i++)
			mark |= differs(bytes, len, other, other_len, i);
		if (!mark)
			continue;
		lines++;
		printf("#    %4u ", at);
		for (i = at; i < at + 16 && i < len; i++)
			printf("%c%02x", differs(bytes, len, other, other_len, i) ? '*' : ' ', bytes[i]);
		printf("\n");
	}
}
