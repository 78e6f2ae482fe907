#include "base/log.h"
#include "base/fd.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const LEVELS[] = {"debug", "info", "warning", "error"};
static const char *process_name = "idevs";
static enum idevs_level lowest_level = IDEVS_INFO;

void log_open(const char *process, enum idevs_level lowest)
{
    process_name = process;
    lowest_level = lowest;
}

void log_line(enum idevs_level level, const char *format, ...)
{
    char line[2048];
    struct timespec now;
    struct tm tm;
    va_list args;

    if (level < lowest_level)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    size_t n = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &tm);
    n += (size_t)snprintf(line + n, sizeof(line) - n, ".%03ldZ %s %s: ", now.tv_nsec / 1000000,
                          LEVELS[level], process_name);
    va_start(args, format);
    int more = vsnprintf(line + n, sizeof(line) - n - 1, format, args);
    va_end(args);
    size_t end = n + (more > 0 ? (size_t)more : 0);
    if (end > sizeof(line) - 2)
        end = sizeof(line) - 2;
    for (size_t i = n; i < end; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?'; /* a peer's text must not forge a line */
    line[end] = '\n';
    if (!fd_write_all(STDERR_FILENO, line, end + 1))
        return; /* nowhere left to say so */
}

void log_refusal(enum idevs_level level, const char *what, const struct idevs_error *err)
{
    log_line(level, "%s: %s: found %s; expected %s; %s", what, err->code, err->found, err->expected,
             err->remedy);
}
