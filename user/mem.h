/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cleanup attributes: one resource, one attribute, taken over with take_*().
 */
#ifndef CULVERT_MEM_H
#define CULVERT_MEM_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void mem_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void mem_free(void *p)
{
	free(*(void **)p);
}

static inline void mem_fclose(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void mem_closedir(DIR **d)
{
	if (*d)
		closedir(*d);
}

#define _fd_		__attribute__((cleanup(mem_close)))
#define _free_		__attribute__((cleanup(mem_free)))
#define _fclose_	__attribute__((cleanup(mem_fclose)))
#define _closedir_	__attribute__((cleanup(mem_closedir)))

static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#define take_ptr(p) ({ __typeof__(p) taken_ = (p); (p) = NULL; taken_; })

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
