/* From the options to a report: the target, the test authority, the first answer, then every check
 * of every table. */
#include "base/alloc.h"
#include "base/text.h"
#include "conformance/kit.h"
#include "crypto/files.h"
#include "exchange/keys.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    const struct check *checks;
    bool needs_keys;
} TABLES[] = {
    {TRANSPORT_CHECKS, false},  {KEYS_CHECKS, false},  {HTTP_CHECKS, false},
    {CERTIFICATE_CHECKS, true}, {SEAL_CHECKS, true},   {MESSAGE_CHECKS, true},
    {SIGNATURE_CHECKS, true},   {POLICY_CHECKS, true}, {OUTCOME_CHECKS, true},
    {SLOW_CHECKS, false},
};

/* ---- before the checks ---- */

static bool unusable(struct idevs_error *ret_err, const char *what, const char *why)
{
    return refuse(ret_err, "conformance.unusable", "%s: %s", what, why);
}

static bool find_target(const struct conformance_options *o, struct target *ret,
                        struct idevs_error *ret_err)
{
    static const char SCHEME[] = "https://";
    const size_t len = sizeof(SCHEME) - 1;

    if (strncmp(o->url, SCHEME, len) != 0 || !authority_is_valid(o->url + len))
        return unusable(ret_err, o->url, "not https://HOST[:PORT]");
    const char *authority = o->url + len;
    const char *name = o->name ? o->name : authority;
    if (!authority_is_valid(name))
        return unusable(ret_err, name, "not a lower-case HOST[:PORT]");
    const char *colon = strrchr(authority, ':');
    bool has_port = colon && !strchr(colon, ']');
    snprintf(ret->port, sizeof(ret->port), "%s", has_port ? colon + 1 : "443");
    snprintf(ret->name, sizeof(ret->name), "%s", name);
    return authority_host(authority, ret->host, sizeof(ret->host)) ||
           unusable(ret_err, o->url, "no host");
}

static bool make_programs(struct kit *k, struct idevs_error *ret_err)
{
    for (enum who who = 0; who < WHO_COUNT; who++)
        if (!program_make(&k->authority, who, k->target.name, kit_now(k), &k->programs[who],
                          ret_err))
            return false;
    return true;
}

static void read_clock(struct kit *k, const struct http_message *answer)
{
    char text[HTTP_DATE_LEN + 1];
    struct bytes value;
    int64_t theirs;

    if (!http_get(answer, "date", &value) || value.len != HTTP_DATE_LEN)
        return;
    memcpy(text, value.data, HTTP_DATE_LEN);
    text[HTTP_DATE_LEN] = 0;
    if (http_date_parse(text, &theirs))
        k->ahead = theirs - clock_unix();
}

static void verify_keys(struct kit *k)
{
    struct bytes anchors[LIMIT_CHAIN];
    int64_t expires;

    for (size_t i = 0; i < k->target.anchors.n; i++)
        anchors[i] = certificate_der(k->target.anchors.at[i]);
    k->has_keys =
        signed_keys_verify(&k->keys_answer.outer, k->target.name, anchors, k->target.anchors.n,
                           kit_now(k), &k->keys, &expires, &k->keys_error);
}

/* The first request: what answers it is the gateway under test. */
static bool meet(struct kit *k, struct idevs_error *ret_err)
{
    struct dial d _cleanup_dial_ = {.fd = -1};
    struct http_message m = {.method = bytes_of_text("GET"), .path = bytes_of_text(GATEWAY_PATH)};
    _cleanup_buffer_ struct buffer wire = buffer_up_to(LIMIT_HEAD);

    if (!dial_open(&k->target, LIMIT_TEST_TIME, &d))
        return unusable(ret_err, k->options->url, d.why);
    if (!tls_client_peer_sha256(d.tls, k->peer) || !http_write(&m, k->target.name, &wire) ||
        !dial_send(&d, buffer_bytes(&wire)))
        return unusable(ret_err, k->options->url, "closed before it was asked");
    answer_read(&d, NULL, &k->keys_answer);
    if (k->keys_answer.outer.status == 0)
        return unusable(ret_err, k->options->url, k->keys_answer.found);
    read_clock(k, &k->keys_answer.outer);
    verify_keys(k);
    return true;
}

static bool kit_open(struct kit *k, struct idevs_error *ret_err)
{
    struct idevs_error why;
    const struct conformance_options *o = k->options;

    if (!find_target(o, &k->target, ret_err))
        return false;
    if (!chain_from_file(o->ca, &k->target.anchors, &why))
        return unusable(ret_err, o->ca, why.found);
    if (!test_authority_load(o->folder, clock_unix(), &k->authority, &why))
        return unusable(ret_err, o->folder, why.found);
    if (o->path && !path_is_valid(o->path))
        return unusable(ret_err, o->path, "not a path");
    if (o->write_path && !path_is_valid(o->write_path))
        return unusable(ret_err, o->write_path, "not a path");
    return meet(k, ret_err) && make_programs(k, ret_err);
}

static void kit_close(struct kit *k)
{
    for (size_t i = 0; i < WHO_COUNT; i++)
        program_release(&k->programs[i]);
    answer_release(&k->keys_answer);
    test_authority_release(&k->authority);
    chain_free(&k->target.anchors);
}
#define _cleanup_kit_ _cleanup_(kit_close)

/* ---- one check ---- */

/* "plain CODE", "HTTP 4xx" or 5xx, "closed": no reader was led astray. */
static bool is_refusal(const char *found)
{
    return strncmp(found, "plain ", 6) == 0 || strncmp(found, "HTTP 4", 6) == 0 ||
           strncmp(found, "HTTP 5", 6) == 0 || strcmp(found, "closed") == 0;
}

static void send_raw(struct kit *k, const struct check *c, char found[LIMIT_TEST_FOUND])
{
    struct answer a _cleanup_answer_ = {.found = "a mistake of the kit"};
    _cleanup_buffer_ struct buffer wire = buffer_up_to(LIMIT_MESSAGE);
    bool good = true;

    for (const char *at = c->raw; *at; at++)
        good = good && (*at == '@' ? buffer_append_text(&wire, k->target.name)
                                   : buffer_append(&wire, at, 1));
    if (good)
        answer_ask(&k->target, buffer_bytes(&wire), NULL, &a);
    bool refused = strcmp(c->expected, "refused") == 0 && is_refusal(a.found);
    found_say(found, refused ? "refused" : a.found);
}

static void send_request(struct kit *k, const struct check *c, char found[LIMIT_TEST_FOUND])
{
    struct built b _cleanup_built_ = {.sealed = {0}};
    struct answer a _cleanup_answer_ = {.found = ""};

    kit_ask(k, &c->request, &b, &a);
    found_say(found, a.found);
}

/* `found` is one of the alternatives. */
static bool is_expected(const char *expected, const char *found)
{
    size_t len = strlen(found);

    for (const char *at = expected; at; at = strstr(at, " | ")) {
        at += at == expected ? 0 : 3;
        if (strncmp(at, found, len) == 0 && (at[len] == 0 || strncmp(at + len, " | ", 3) == 0))
            return true;
    }
    return false;
}

/* Why it cannot be tried; NULL: it can. */
static const char *obstacle(const struct kit *k, const struct check *c, bool needs_keys)
{
    if (needs_keys && !k->has_keys)
        return "not tried: no key configuration that can be believed";
    if (c->writes && !k->options->write_path)
        return "not tried: no --write-path";
    return NULL;
}

struct tally {
    int held;
    int not_held;
    int not_tried;
};

static json_t *try_check(struct kit *k, const struct check *c, bool needs_keys, struct tally *tally)
{
    char found[LIMIT_TEST_FOUND] = "";
    const char *why_not = obstacle(k, c, needs_keys);
    bool held = false;

    if (k->options->progress)
        k->options->progress(c->id, k->options->context);
    if (why_not)
        found_say(found, why_not);
    else if (c->run)
        c->run(k, c, found);
    else if (c->raw)
        send_raw(k, c, found);
    else
        send_request(k, c, found);
    held = !why_not && is_expected(c->expected, found);
    *(why_not ? &tally->not_tried : held ? &tally->held : &tally->not_held) += 1;
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "id", c->id, "source", c->source, "tried",
                     c->tried, "expected", c->expected, "found", found, "held",
                     why_not ? json_null() : json_boolean(held));
}

/* ---- the report ---- */

/* `id` begins as one of the prefixes, which commas part. */
static bool begins_as(const char *id, const char *prefixes)
{
    for (const char *at = prefixes; *at; at += at[0] == ',') {
        size_t len = strcspn(at, ",");
        if (len > 0 && strncmp(id, at, len) == 0)
            return true;
        at += len;
    }
    return false;
}

static bool is_wanted(const struct conformance_options *o, const char *id)
{
    return (!o->only || begins_as(id, o->only)) && (!o->skip || !begins_as(id, o->skip));
}

static json_t *try_all(struct kit *k, struct tally *tally)
{
    json_t *all = json_array();

    for (size_t t = 0; t < ARRAY_LEN(TABLES); t++)
        for (const struct check *c = TABLES[t].checks; c->id; c++)
            if (is_wanted(k->options, c->id) &&
                json_array_append_new(all, try_check(k, c, TABLES[t].needs_keys, tally)) != 0)
                abort(); /* memory, or a text of ours that is not UTF-8 */
    return all;
}

static json_t *write_report(const struct kit *k, json_t *checks, const struct tally *t)
{
    char peer[2 * SHA256_LEN + 1];
    bool complete = !k->options->only && !k->options->skip && t->not_tried == 0;

    hex_text(k->peer, SHA256_LEN, peer);
    return json_pack("{s:s, s:I, s:s, s:s, s:s, s:o, s:b, s:{s:i, s:i, s:i}, s:o}", "kit",
                     "idevs " IDEVS_VERSION, "time", (json_int_t)clock_unix(), "url",
                     k->options->url, "authority", k->target.name, "certificate_sha256", peer,
                     "key_id", k->has_keys ? json_integer(k->keys.key_id) : json_null(), "complete",
                     complete, "counts", "held", t->held, "not_held", t->not_held, "not_tried",
                     t->not_tried, "checks", checks);
}

json_t *conformance_run(const struct conformance_options *options, struct idevs_error *ret_err)
{
    struct kit k _cleanup_kit_ = {.options = options};
    struct tally tally = {0};

    (void)signal(SIGPIPE, SIG_IGN); /* a gateway that closes early is no reason to end */
    if (!kit_open(&k, ret_err))
        return NULL;
    json_t *checks = try_all(&k, &tally);
    json_t *report = write_report(&k, checks, &tally);
    if (!report)
        refuse(ret_err, "internal", "a report that cannot be written");
    return report;
}
