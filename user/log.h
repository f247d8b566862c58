/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages for people, on standard error.  Lower case, no full stop, the
 * subject in quotes; who logs does not also return the error to be logged
 * again: layers below the engine only return, the engine and commands log once.
 */
#ifndef CULVERT_LOG_H
#define CULVERT_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/** log_set_level() - show messages up to @level; the default is LOG_LEVEL_INFO */
void log_set_level(enum log_level level);

__attribute__((format(printf, 2, 3)))
void log_print(enum log_level level, const char *fmt, ...);

/**
 * log_ret() - log an error with its cause and hand it on
 * @err: negative errno, its text is appended to the message
 *
 * Return: @err.
 */
__attribute__((format(printf, 2, 3)))
int log_ret(int err, const char *fmt, ...);

/** log_refuse() - log an error that says its cause itself, and hand it on */
#define log_refuse(err, ...) (log_print(LOG_LEVEL_ERROR, __VA_ARGS__), (err))

#define log_error(...)	log_print(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)	log_print(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)	log_print(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)	log_print(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
