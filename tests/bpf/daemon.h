/* SPDX-License-Identifier: GPL-2.0-only */
/* The daemon's DHCP engine on the maps of the world in which packets are judged. */
#ifndef CULVERT_TESTS_BPF_DAEMON_H
#define CULVERT_TESTS_BPF_DAEMON_H

#include "dhcp_server.h"
#include "world.h"

/** daemon_open() - after world_open() */
void daemon_open(void);
/** daemon_begin() - forget what it knows of the maps, which were set anew */
void daemon_begin(void);
/** daemon_answer() - to a frame of Ann's */
void daemon_answer(const __u8 *frame, unsigned int len, struct dhcp_reply *ret);

#endif
