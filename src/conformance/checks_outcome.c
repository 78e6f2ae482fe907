/* What is decided over several requests: replay, the answer's bond to its request, state, and keys
 * of write_once. */
#include "base/text.h"
#include "conformance/kit.h"
#include "wire/bhttp.h"

#include <stdio.h>

#define REPLAY     "docs/interfaces.md; RFC 9458, 6.5"
#define BOND       "RFC 9458, 4.4"
#define STATE      "docs/interfaces.md; RFC 9110, 13.1.1"
#define ONCE       "docs/service-owners.md"
#define STATE_PATH "/.well-known/idevs/state/conformance"
#define ACCEPTED   "accepted"

static bool is_accepted(const struct answer *a)
{
    return strcmp(a->found, ACCEPTED) == 0;
}

static void mistake(char found[LIMIT_TEST_FOUND])
{
    found_say(found, "a mistake of the kit");
}

/* ---- replay ---- */

static void send_twice(struct kit *k, const struct check *c, char found[LIMIT_TEST_FOUND])
{
    struct built b _cleanup_built_;
    struct answer first _cleanup_answer_;
    struct answer second _cleanup_answer_ = {.found = ""};

    kit_ask(k, &c->request, &b, &first);
    if (is_accepted(&first))
        answer_ask(&k->target, buffer_bytes(&b.wire), &b.exchange, &second);
    found_format(found, "%s%s", second.found[0] ? "" : "the first: ",
                 second.found[0] ? second.found : first.found);
}

/* The relay may attach another certificate first. That is refused, and the same message under its
 * own certificate is still accepted: the refusal used up nothing. */
static void send_swapped_first(struct kit *k, const struct check *c, char found[LIMIT_TEST_FOUND])
{
    const struct context context = kit_context(k);
    const struct request own = {.attached = WHO_PROGRAM};
    struct built b _cleanup_built_;
    struct answer swapped _cleanup_answer_;
    struct answer a _cleanup_answer_ = {.found = ""};

    kit_ask(k, &c->request, &b, &swapped);
    if (strncmp(swapped.found, "sealed ", 7) != 0)
        found_format(found, "swapped: %s", swapped.found);
    else if (!request_wrap(&context, &own, &b))
        mistake(found);
    else
        answer_ask(&k->target, buffer_bytes(&b.wire), &b.exchange, &a);
    if (a.found[0])
        found_say(found, a.found);
}

struct copies {
    struct dial at[LIMIT_TEST_COPIES];
    unsigned accepted;
    unsigned claimed;
    unsigned others;
};

/* Every connection stands and has all but the last byte before any has the last. */
static bool send_together(struct kit *k, struct bytes wire, struct copies *copies)
{
    struct bytes last = bytes_of(wire.data + wire.len - 1, 1);

    for (size_t i = 0; i < LIMIT_TEST_COPIES; i++)
        if (!dial_open(&k->target, LIMIT_TEST_TIME, &copies->at[i]) ||
            !dial_send(&copies->at[i], bytes_of(wire.data, wire.len - 1)))
            return false;
    for (size_t i = 0; i < LIMIT_TEST_COPIES; i++)
        if (!dial_send(&copies->at[i], last))
            return false;
    return true;
}

static void count_answer(struct dial *d, const struct exchange *x, struct copies *copies)
{
    struct answer a _cleanup_answer_;

    answer_read(d, x, &a);
    if (is_accepted(&a))
        copies->accepted++;
    else if (strcmp(a.found, "sealed exchange.claimed") == 0)
        copies->claimed++;
    else
        copies->others++;
}

static void send_at_once(struct kit *k, const struct check *c, char found[LIMIT_TEST_FOUND])
{
    const struct context context = kit_context(k);
    struct built b _cleanup_built_;
    struct copies copies = {.accepted = 0};

    if (!request_build(&context, &c->request, &b)) {
        mistake(found);
        return;
    }
    for (size_t i = 0; i < LIMIT_TEST_COPIES; i++)
        copies.at[i].fd = -1;
    bool sent = send_together(k, buffer_bytes(&b.wire), &copies);
    for (size_t i = 0; i < LIMIT_TEST_COPIES; i++) {
        if (sent)
            count_answer(&copies.at[i], &b.exchange, &copies);
        dial_close(&copies.at[i]);
    }
    if (sent)
        found_format(found, "%u accepted, %u claimed, %u other", copies.accepted, copies.claimed,
                     copies.others);
    else
        found_say(found, "not reached by all copies");
}

/* ---- answers ---- */

/* Two requests that say the same, and what came back to each. */
struct pair {
    struct built built[2];
    struct answer answer[2];
};

static void pair_release(struct pair *p)
{
    for (int i = 0; i < 2; i++) {
        built_release(&p->built[i]);
        answer_release(&p->answer[i]);
    }
}
#define _cleanup_pair_ _cleanup_(pair_release)

static bool ask_pair(struct kit *k, const struct check *c, struct pair *p,
                     char found[LIMIT_TEST_FOUND])
{
    bool good = true;

    for (int i = 0; i < 2; i++) {
        kit_ask(k, &c->request, &p->built[i], &p->answer[i]);
        if (good && !is_accepted(&p->answer[i]))
            found_say(found, p->answer[i].found);
        good = good && is_accepted(&p->answer[i]);
    }
    return good;
}

static void open_by_the_other(struct kit *k, const struct check *c, char found[LIMIT_TEST_FOUND])
{
    struct pair p _cleanup_pair_;
    struct idevs_error err;
    struct http_message m;
    _cleanup_buffer_ struct buffer plain = buffer_up_to(LIMIT_TEST_ANSWER);

    if (!ask_pair(k, c, &p, found))
        return;
    bool opens =
        exchange_open_response(&p.built[0].exchange, p.answer[1].outer.content, &plain, &m, &err);
    found_say(found, opens ? "opens for another request" : "opens for its own alone");
}

static void compare_nonces(struct kit *k, const struct check *c, char found[LIMIT_TEST_FOUND])
{
    struct pair p _cleanup_pair_;

    if (!ask_pair(k, c, &p, found))
        return;
    bool same = memcmp(p.answer[0].outer.content.data, p.answer[1].outer.content.data,
                       OHTTP_NONCE_LEN) == 0;
    found_say(found, same ? "the same" : "different");
}

static void measure_answer(struct kit *k, const struct check *c, char found[LIMIT_TEST_FOUND])
{
    struct built b _cleanup_built_;
    struct answer a _cleanup_answer_;
    _cleanup_buffer_ struct buffer padded = buffer_up_to(LIMIT_MESSAGE);

    kit_ask(k, &c->request, &b, &a);
    if (!is_accepted(&a))
        found_say(found, a.found);
    else if (!buffer_append_bytes(&padded, buffer_bytes(&a.plain)) || !bhttp_pad(&padded))
        mistake(found);
    else if (padded.len == a.plain.len)
        found_say(found, "padded");
    else
        found_format(found, "%zu bytes, no size class", a.plain.len);
}

/* ---- state ---- */

/* The version that is there: 0 when there is none. */
static bool load_version(struct kit *k, uint64_t *ret, char found[LIMIT_TEST_FOUND])
{
    const struct request load = {.path = STATE_PATH};
    struct built b _cleanup_built_;
    struct answer a _cleanup_answer_;
    struct bytes etag;

    kit_ask(k, &load, &b, &a);
    found_format(found, "loading: %s", a.found);
    *ret = 0;
    if (is_accepted(&a) && a.inner.status == 404)
        return true;
    return is_accepted(&a) && http_get(&a.inner, "etag", &etag) && etag.len > 2 &&
           parse_u64(bytes_of(etag.data + 1, etag.len - 2), INT64_MAX, ret);
}

static void save_twice(struct kit *k, const struct check *c, char found[LIMIT_TEST_FOUND])
{
    char path[64];
    uint64_t version;
    struct request save = c->request;
    struct built b[2] = {0};
    struct answer a[2] = {0};

    if (!load_version(k, &version, found))
        return;
    snprintf(path, sizeof(path), STATE_PATH "?version=%llu", (unsigned long long)version);
    save.path = path;
    kit_ask(k, &save, &b[0], &a[0]);
    save.content = "another"; /* the same again would be a repeated save, which is none */
    kit_ask(k, &save, &b[1], &a[1]);
    found_format(found, "%s%s",
                 is_accepted(&a[0]) ? "" : "the first: ", a[is_accepted(&a[0]) ? 1 : 0].found);
    for (int i = 0; i < 2; i++) {
        built_release(&b[i]);
        answer_release(&a[i]);
    }
}

/* ---- write_once ---- */

/* A key that was never used before. */
static void fresh_key(char ret[64])
{
    uint8_t raw[16];
    char hex[2 * sizeof(raw) + 1];

    random_bytes(raw, sizeof(raw));
    hex_text(raw, sizeof(raw), hex);
    snprintf(ret, 64, "conformance-%s", hex);
}

/* Two writes under one key, the second as `c` says. */
static void write_twice(struct kit *k, const struct check *c, struct pair *p)
{
    char key[64];
    struct request first = {.method = "POST",
                            .path = k->options->write_path,
                            .key = key,
                            .type = "application/json",
                            .content = "{}"};
    struct request second = first;

    fresh_key(key);
    if (c->request.content)
        second.content = c->request.content;
    kit_ask(k, &first, &p->built[0], &p->answer[0]);
    kit_ask(k, &second, &p->built[1], &p->answer[1]);
}

static void write_the_same(struct kit *k, const struct check *c, char found[LIMIT_TEST_FOUND])
{
    struct pair p _cleanup_pair_;

    write_twice(k, c, &p);
    const struct http_message *first = &p.answer[0].inner;
    const struct http_message *second = &p.answer[1].inner;
    if (!is_accepted(&p.answer[0]) || !is_accepted(&p.answer[1]))
        found_format(found, "%s, then %s", p.answer[0].found, p.answer[1].found);
    else if (first->status != second->status || !bytes_equal(first->content, second->content))
        found_say(found, "another answer");
    else
        found_say(found, "the same answer");
}

static void write_another(struct kit *k, const struct check *c, char found[LIMIT_TEST_FOUND])
{
    struct pair p _cleanup_pair_;

    write_twice(k, c, &p);
    found_format(found, "%s%s", is_accepted(&p.answer[0]) ? "" : "the first: ",
                 p.answer[is_accepted(&p.answer[0]) ? 1 : 0].found);
}

static void write_plainly(struct kit *k, const struct check *c, char found[LIMIT_TEST_FOUND])
{
    struct request r = c->request;
    struct built b _cleanup_built_;
    struct answer a _cleanup_answer_;

    r.path = k->options->write_path;
    kit_ask(k, &r, &b, &a);
    found_say(found, a.found);
}

_Static_assert(LIMIT_TEST_COPIES == 20, "as it stands in the table");

const struct check OUTCOME_CHECKS[] = {
    {"accepted.read", ONCE, "a read in order", ACCEPTED, {.who = WHO_PROGRAM}},
    {"accepted.twin",
     ONCE,
     "a read in order under another certificate of the program",
     ACCEPTED,
     {.who = WHO_TWIN}},
    {"accepted.write",
     ONCE,
     "a write in order",
     ACCEPTED,
     {.method = "POST", .type = "application/json", .content = "{}"},
     .run = write_plainly,
     .writes = true},
    {"replay.again", REPLAY, "an accepted request, sent again", "sealed exchange.claimed",
     .run = send_twice},
    {"replay.at-once", REPLAY, "20 copies of a request at the same time",
     "1 accepted, 19 claimed, 0 other", .run = send_at_once},
    {"replay.swapped",
     REPLAY,
     "a request under a twin's certificate, then under its own",
     ACCEPTED,
     {.attached = WHO_TWIN},
     .run = send_swapped_first},
    {"answer.bound", BOND, "the answer to one request, opened for another",
     "opens for its own alone", .run = open_by_the_other},
    {"answer.fresh", BOND, "the nonces of two answers", "different", .run = compare_nonces},
    {"answer.padded", "RFC 9292, 3.8; docs/security.md", "the length of an answer", "padded",
     .run = measure_answer},
    {"state.conflict",
     STATE,
     "saving over a version that is not the last",
     "sealed state.conflict",
     {.method = "PUT", .content = "conformance"},
     .run = save_twice},
    {"once.again", ONCE, "the same write twice under one key", "the same answer",
     .run = write_the_same, .writes = true},
    {"once.other",
     ONCE,
     "other content under a used key",
     "sealed idempotency.mismatch",
     {.content = "{\"other\": true}"},
     .run = write_another,
     .writes = true},
    {0},
};
