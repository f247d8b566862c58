/* SPDX-License-Identifier: GPL-2.0-only */
/* ARP as data of a struct packet. */
#ifndef CULVERT_TESTS_BPF_ARP_H
#define CULVERT_TESTS_BPF_ARP_H

#define ARP_ETHERTYPE	0x0806
#define ARP_REQUEST	1
#define ARP_REPLY	2
#define ARP_SIZE	28

#define BYTES2(x)	(char)((x) >> 8), (char)(x)
#define BYTES4(x)	(char)((x) >> 24), (char)((x) >> 16), (char)((x) >> 8), (char)(x)
#define BYTES6(x)	(char)((x) >> 40), (char)((x) >> 32), BYTES4(x)

#define ARP_RAW(hrd, pro, hln, pln, op, sha, spa, tha, tpa)				\
	(const char[]) { BYTES2(hrd), BYTES2(pro), hln, pln, BYTES2(op),		\
			 BYTES6(sha), BYTES4(spa), BYTES6(tha), BYTES4(tpa) }

/* Members of a struct packet; the frame is padded as a link would. */
#define ARP(op, sha, spa, tha, tpa)							\
	.ethertype = ARP_ETHERTYPE, .len = ARP_SIZE, .trailer = 18,			\
	.data = ARP_RAW(1, 0x0800, 6, 4, op, sha, spa, tha, tpa)

#endif
