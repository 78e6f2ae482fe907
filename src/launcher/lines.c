#include "launcher/lines.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "launcher/waiters.h"

#include <event2/event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void drop_all(struct launcher *l)
{
    for (size_t i = 0; i < l->n_lines; i++)
        free(l->lines[i].data);
    l->n_lines = 0;
    l->lines_bytes = 0;
}

void lines_flush(struct launcher *l)
{
    struct line batch[LIMIT_LINES_BATCH];
    struct idevs_error err;

    event_del(l->flush_lines);
    for (size_t i = 0; i < l->n_lines; i++)
        batch[i] = l->lines[i].line;
    if (l->n_lines > 0 && !state_add_lines(&l->state, batch, l->n_lines, &err))
        log_refusal(IDEVS_ERROR, "log lines are lost", &err);
    size_t n = l->n_lines;
    drop_all(l);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || batch[i].run != batch[i - 1].run)
            waiters_wake_lines(l, batch[i].run);
}

static void append(struct launcher *l, struct run_row *row, enum line_kind kind, struct bytes data)
{
    static const struct timeval later = {.tv_usec = LIMIT_LINES_PAUSE_MS * 1000L};

    if (!l->lines)
        l->lines = alloc_zero(LIMIT_LINES_BATCH, sizeof(*l->lines));
    struct pending_line *p = &l->lines[l->n_lines++];
    p->data = alloc_zero(1, data.len);
    if (data.len)
        memcpy(p->data, data.data, data.len);
    p->line = (struct line){.run = row->number,
                            .n = ++row->lines,
                            .time = clock_unix(),
                            .kind = kind,
                            .data = bytes_of(p->data, data.len)};
    l->lines_bytes += data.len;
    if (l->n_lines == LIMIT_LINES_BATCH || l->lines_bytes > LIMIT_LINES_BATCH_BYTES)
        lines_flush(l);
    else if (l->n_lines == 1)
        event_add(l->flush_lines, &later);
}

void lines_add(struct launcher *l, struct run_row *row, enum line_kind kind, struct bytes data)
{
    static const char LAST[] = "the log is full: further lines are dropped";

    if (row->lines < LIMIT_LOG_LINES - 1)
        append(l, row, kind, data);
    else if (row->lines == LIMIT_LOG_LINES - 1)
        append(l, row, LINE_LAUNCHER, bytes_of_text(LAST));
}

void lines_note(struct launcher *l, struct run_row *row, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    lines_add(l, row, LINE_LAUNCHER, bytes_of_text(text));
}

void lines_free(struct launcher *l)
{
    drop_all(l);
    free(l->lines);
    l->lines = NULL;
}
