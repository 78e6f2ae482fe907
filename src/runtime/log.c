/* idevs_log: lines to whoever the manifest names. */
#include "exchange/attestation.h"
#include "runtime/api.h"
#include "runtime/problem.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const LEVELS[] = {
    [IDEVS_DEBUG] = "debug",
    [IDEVS_INFO] = "info",
    [IDEVS_WARNING] = "warning",
    [IDEVS_ERROR] = "error",
};

/* One line stays one line, whatever a service put into it. */
static void flatten(char *line)
{
    for (unsigned char *p = (unsigned char *)line; *p; p++)
        if (*p < 0x20 || *p == 0x7f)
            *p = ' ';
}

static bool send_line(struct idevs *ip, const char *line)
{
    bool sealed = ip->manifest.logs == MANIFEST_LOGS_OWNER;
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_LOG_SEALED);
    struct channel_request request = {
        .target = sealed ? "log:owner" : "log:open",
        .type = sealed ? "application/octet-stream" : "text/plain",
        .body = bytes_of_text(line),
    };
    struct frame reply;

    if (sealed) {
        if (!log_seal(ip->manifest.owner_seal_key, ip->manifest.program, bytes_of_text(line), &b))
            return refuse(&ip->error, "owner.key", "the owner's sealing key cannot be used");
        request.body = buffer_bytes(&b);
    }
    if (!channel_call(&ip->launcher, &request, runtime_attempt_deadline(ip), &reply, &ip->error))
        return false;
    return reply.status / 100 == 2 ||
           problem_refuse(&reply, "launcher.busy", request.target, &ip->error);
}

static int log_line(struct idevs *ip, char line[LIMIT_LOG_LINE + 1])
{
    if (ip->manifest.logs == MANIFEST_LOGS_NONE)
        return 0;
    if (ip->n_log_lines >= LIMIT_LOG_LINES)
        return api_result(
            refuse(&ip->error, "limit.log", "line %zu of this run is dropped", ++ip->n_log_lines));
    if (++ip->n_log_lines == LIMIT_LOG_LINES)
        snprintf(line, LIMIT_LOG_LINE + 1,
                 "error: limit.log: this line and all after it are dropped");
    return api_result(send_line(ip, line));
}

int idevs_log(struct idevs *ip, enum idevs_level level, const char *format, ...)
{
    char line[LIMIT_LOG_LINE + 1];
    va_list args;

    if (level < IDEVS_DEBUG || level > IDEVS_ERROR)
        level = IDEVS_ERROR;
    int n = snprintf(line, sizeof(line), "%s: ", LEVELS[level]);
    va_start(args, format);
    vsnprintf(line + n, sizeof(line) - (size_t)n, format, args); /* a longer line is cut off */
    va_end(args);
    flatten(line);
    int result = log_line(ip, line);
    wipe(line, sizeof(line)); /* it may tell what was read */
    return result;
}
