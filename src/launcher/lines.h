/* Lines of the programs' logs: kept in memory for a moment, written in batches, so that logging
 * costs no commit a line. What a crash of the launcher loses is at most that moment. */
#ifndef IDEVS_LAUNCHER_LINES_H
#define IDEVS_LAUNCHER_LINES_H

#include "launcher/launcher_private.h"

/* Adds line `row->lines + 1` (copied) and counts it; beyond LIMIT_LOG_LINES it is dropped, and the
 * last line says so. */
void lines_add(struct launcher *l, struct run_row *row, enum line_kind kind, struct bytes data);
/* A line of the launcher's own, for the owner. */
void lines_note(struct launcher *l, struct run_row *row, const char *format, ...) _printf_(3, 4);
void lines_flush(struct launcher *l);
void lines_free(struct launcher *l);

#endif
