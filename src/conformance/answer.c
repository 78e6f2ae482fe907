#include "conformance/answer.h"
#include "base/codes.h"
#include "net/server.h"
#include "wire/http1.h"

#include <stdarg.h>
#include <stdio.h>

void answer_release(struct answer *a)
{
    buffer_free(&a->received);
    buffer_free(&a->plain);
}

void found_format(char found[LIMIT_TEST_FOUND], const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(found, LIMIT_TEST_FOUND, format, args);
    va_end(args);
}

void found_say(char found[LIMIT_TEST_FOUND], const char *text)
{
    snprintf(found, LIMIT_TEST_FOUND, "%s", text);
}

static void say(struct answer *a, const char *text)
{
    found_say(a->found, text);
}

/* ---- HTTP ---- */

/* A head, and exactly the content that it announces. What follows would be the answer to a request
 * that was never sent. */
static bool read_http(struct answer *a)
{
    struct http1_head head;
    struct idevs_error err;
    size_t scanned = 0;
    size_t len = 0;

    if (http1_find_end(buffer_bytes(&a->received), &scanned, &len) != HTTP1_FOUND ||
        !http1_parse_answer(a->received.data, len, &head, &err)) {
        say(a, "an answer that is not HTTP/1.1 with a Content-Length");
        return false;
    }
    if (a->received.len - len != head.content_length) {
        say(a, a->received.len - len > head.content_length ? "more than one answer"
                                                           : "half an answer");
        return false;
    }
    a->outer = head.message;
    a->outer.content = bytes_of(a->received.data + len, a->received.len - len);
    return true;
}

/* ---- what it says ---- */

/* Of a relay's choice among several answers, these prove nothing about the others
 * (docs/interfaces.md). */
static bool is_uncertain(const char *code)
{
    static const char *const CODES[] = {"exchange.claimed", "exchange.full", "request.date",
                                        "request.signature"};

    for (size_t i = 0; i < ARRAY_LEN(CODES); i++)
        if (strcmp(CODES[i], code) == 0)
            return true;
    return false;
}

static void say_refused(struct answer *a, struct bytes said)
{
    char code[48];
    const struct code *entry;

    snprintf(code, sizeof(code), "%.*s", (int)(said.len < 40 ? said.len : 40),
             (const char *)said.data);
    entry = code_find(code);
    if (!entry)
        say(a, "a sealed refusal with an unknown code");
    else if (a->inner.status != entry->http_status)
        found_format(a->found, "sealed %s, with status %u", code, a->inner.status);
    else if (is_uncertain(code) && http_count(&a->inner, "idevs-processed") > 0)
        found_format(a->found, "sealed %s, said to be surely not processed", code);
    else
        found_format(a->found, "sealed %s", code);
}

static void say_sealed(struct answer *a, const struct exchange *x)
{
    struct idevs_error err;
    struct bytes code;

    if (!x) {
        say(a, "a sealed answer to what was not sealed");
    } else if (!exchange_open_response(x, a->outer.content, &a->plain, &a->inner, &err)) {
        a->inner = (struct http_message){0};
        say(a, "a sealed answer that does not open");
    } else if (http_count(&a->inner, "date") != 1) {
        say(a, "a sealed answer without its date");
    } else if (http_get(&a->inner, "idevs-error", &code)) {
        say_refused(a, code);
    } else {
        say(a, "accepted");
    }
}

static void say_plain(struct answer *a)
{
    struct idevs_error problem;

    if (a->outer.status >= 400 && problem_read(a->outer.content, &problem))
        found_format(a->found, "plain %s", problem.code);
    else
        found_format(a->found, "HTTP %u", a->outer.status);
}

/* ---- from the beginning ---- */

static void answer_init(struct answer *a)
{
    *a = (struct answer){.received = buffer_up_to(LIMIT_TEST_ANSWER),
                         .plain = buffer_up_to(LIMIT_TEST_ANSWER)};
}

void answer_read(struct dial *d, const struct exchange *x, struct answer *ret)
{
    struct bytes type;

    answer_init(ret);
    enum dial_end end = dial_receive(d, &ret->received);
    if (end == DIAL_TOO_LONG)
        say(ret, "an answer over the limit");
    else if (ret->received.len == 0)
        say(ret, end == DIAL_CLOSED ? "closed" : "late");
    else if (!read_http(ret))
        return;
    else if (ret->outer.status == 200 && http_get(&ret->outer, "content-type", &type) &&
             bytes_equal_text(type, OHTTP_RESPONSE_TYPE))
        say_sealed(ret, x);
    else
        say_plain(ret);
}

void answer_ask(const struct target *target, struct bytes wire, const struct exchange *x,
                struct answer *ret)
{
    struct dial d _cleanup_dial_ = {.fd = -1};

    answer_init(ret);
    if (!dial_open(target, LIMIT_TEST_TIME, &d)) {
        found_format(ret->found, "not reached: %s", d.why);
        return;
    }
    /* Whoever refuses early also closes early: what it said before is still there. */
    (void)!dial_send(&d, wire);
    answer_read(&d, x, ret);
}
