/* One line an event on standard error: time, level, process, text. Never secrets, never content. */
#ifndef IDEVS_BASE_LOG_H
#define IDEVS_BASE_LOG_H

#include "base/error.h"

/* Names this process in its lines and sets the lowest level that is written (default info). */
void log_open(const char *process, enum idevs_level lowest);
void log_line(enum idevs_level level, const char *format, ...) _printf_(2, 3);
#define log_debug(...)   log_line(IDEVS_DEBUG, __VA_ARGS__)
#define log_info(...)    log_line(IDEVS_INFO, __VA_ARGS__)
#define log_warning(...) log_line(IDEVS_WARNING, __VA_ARGS__)
#define log_error(...)   log_line(IDEVS_ERROR, __VA_ARGS__)
/* "what: code: found (expected ...; remedy)". */
void log_refusal(enum idevs_level level, const char *what, const struct idevs_error *err);

#endif
