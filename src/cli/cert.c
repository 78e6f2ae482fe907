/* cert show|verify: a program's certificate in plain words, first what it does not protect from. */
#include "cli/cert.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/text.h"
#include "wire/cmw.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

void shown_release(struct shown *s)
{
    chain_free(&s->chain);
}

/* A number is a run at the launcher, anything else a file. */
static bool read_pem(const struct cli *cli, const char *what, struct buffer *b,
                     struct idevs_error *ret_err)
{
    uint64_t run;
    char path[64];

    if (!parse_u64(bytes_of_text(what), INT64_MAX, &run))
        return file_read(what, b, ret_err);
    snprintf(path, sizeof(path), "/v1/runs/%s/certificate", what);
    const struct ask ask = {
        .peer = PEER_LAUNCHER, .method = "GET", .path = path, .max_answer = LIMIT_PEM_CHAIN};
    return remote_ask(cli, &ask, b, ret_err);
}

static bool read_shown(struct bytes pem, struct shown *ret, struct idevs_error *ret_err)
{
    struct bytes cmw;
    struct bytes type;
    struct bytes value;

    if (!chain_from_pem(pem, &ret->chain, ret_err))
        return false;
    const struct certificate *leaf = ret->chain.at[0];
    if (!certificate_uri(leaf, ret->uri, sizeof(ret->uri)))
        return refuse(ret_err, "certificate.malformed",
                      "no SPIFFE ID: not a program's certificate");
    if (!certificate_cmw(leaf, &cmw) || !cmw_decode(cmw, &type, &value) ||
        !bytes_equal_text(type, CMW_EAT_UCS) || !eat_decode(value, &ret->claims))
        return refuse(ret_err, "certificate.malformed", "no attestation result that can be read");
    return true;
}

bool cert_read(const struct cli *cli, const char *what, struct shown *ret,
               struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_PEM_CHAIN);

    return read_pem(cli, what, &pem, ret_err) && read_shown(buffer_bytes(&pem), ret, ret_err);
}

/* ---- in words ---- */

static void print_list(const char *label, const char (*items)[LIMIT_AUTHORITY + 1], size_t n)
{
    printf("  %-22s", label);
    for (size_t i = 0; i < n; i++)
        printf("%s%s", i ? ", " : "", items[i]);
    printf("%s\n", n ? "" : "nothing");
}

static void print_digest(const char *label, const struct eat_digest *d)
{
    char text[65] = "not claimed: it was not compiled by the warden";

    if (d->present)
        hex_text(d->sha256, sizeof(d->sha256), text);
    printf("  %-22s%s\n", label, text);
}

/* What the back end measured beside the program. */
static void print_measured(const struct eat_measured *m)
{
    if (m->memory_map.present) {
        print_digest("memory map", &m->memory_map);
        printf("  %-22s%s\n", "", m->memory_map_summary);
    }
    for (size_t i = 0; i < m->n_components; i++) {
        printf("  %-22s%s\n", m->components[i].name, m->components[i].text);
        if (m->components[i].digest.present)
            print_digest("", &m->components[i].digest);
    }
}

static void print_when(const char *label, int64_t at)
{
    char text[32] = "-";
    time_t t = (time_t)at;
    struct tm tm;

    if (gmtime_r(&t, &tm))
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm);
    printf("  %-22s%s\n", label, text);
}

/* In hex, as `idevs authority revoke` takes it. */
static const char *serial_text(const struct certificate *leaf, char ret[2 * SERIAL_LEN + 1])
{
    uint8_t serial[SERIAL_LEN];
    size_t zeros = 0;

    if (!certificate_serial(leaf, serial))
        return "-";
    while (zeros < SERIAL_LEN - 1 && serial[zeros] == 0)
        zeros++;
    hex_text(serial + zeros, SERIAL_LEN - zeros, ret);
    return ret;
}

static void print_validity(const struct certificate *leaf)
{
    int64_t now = clock_unix();

    if (now < certificate_not_before(leaf) || now > certificate_not_after(leaf))
        printf("NOT VALID NOW: no gateway accepts it at this time.\n");
}

/* What debuggers, /proc/PID/mem, core files and swap show of the program. */
static void print_secrecy(const char *kind)
{
    if (kind && strcmp(kind, EAT_SECRET) == 0)
        printf("Secret memory is on: root of the host finds nothing by reading, and all by putting"
               " code into the program.\n");
    else if (kind)
        printf("Secret memory is OFF: root of the host reads everything with a debugger or a core"
               " file.\n");
}

/* What nobody should read past. */
static void print_limits(const struct eat_claims *c)
{
    printf("NOT protected from: %s.\n",
           c->breakers[0] ? c->breakers : "(the authority does not say)");
    if (strcmp(c->tier, "hardware") != 0)
        printf(
            "No hardware encrypts this program's memory: the administrator of its host could read"
            " it.\n");
    print_secrecy(eat_component_text(&c->measured, EAT_MEMORY));
    if (strcmp(c->tier, "development") == 0)
        printf("DEVELOPMENT tier: nothing here is fit for real data.\n");
    if (c->debug == EAT_DEBUG_ENABLED)
        printf("DEBUGGING is enabled: whoever debugs it sees everything.\n");
    if (!c->source.present)
        printf("No source is bound to it: only the executable's digest says what it does.\n");
    printf("The launcher sees sizes, times and names of services, never content; it can stop"
           " everything.\n");
}

static void print_shown(const struct shown *s, bool checked)
{
    const struct eat_claims *c = &s->claims;
    char serial[2 * SERIAL_LEN + 1];

    print_limits(c);
    print_validity(s->chain.at[0]);
    if (!checked)
        printf("Shown as it stands: `idevs cert verify` checks who signed it.\n");
    printf("\n%s\n", s->uri);
    printf("  %-22s%s\n", "serial number", serial_text(s->chain.at[0], serial));
    print_when("valid from", certificate_not_before(s->chain.at[0]));
    print_when("valid until", certificate_not_after(s->chain.at[0]));
    printf("  %-22s%s\n  %-22s%s\n", "tier", c->tier, "back end", c->back_end);
    print_list("may read from", c->reads, c->n_reads);
    print_list("may write to", c->writes, c->n_writes);
    print_digest("executable", &c->executable);
    print_digest("source", &c->source);
    print_digest("manifest", &c->manifest);
    print_digest("toolchain", &c->toolchain);
    printf("  %-22s%s\n", "approved by owner", c->owner);
    printf("  %-22s%s, %u CPUs\n", "machine", c->hwmodel, c->n_cpus);
    printf("  %-22s%s\n", "kernel", c->kernel);
    printf("  %-22s%llu MiB\n", "memory given", (unsigned long long)(c->memory >> 20));
    print_measured(&c->measured);
    printf("  %-22s%s %s\n  %-22s%s\n", "measured by", c->swname, c->swversion, "policy",
           c->policy);
}

/* ---- for machines ---- */

static json_t *digest_json(const struct eat_digest *d)
{
    char text[65];

    if (!d->present)
        return json_null();
    hex_text(d->sha256, sizeof(d->sha256), text);
    return json_string(text);
}

static json_t *list_json(const char (*items)[LIMIT_AUTHORITY + 1], size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_string(items[i]));
    return list;
}

static json_t *components_json(const struct eat_measured *m)
{
    json_t *list = json_array();

    for (size_t i = 0; i < m->n_components; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "name", m->components[i].name,
                                              "text", m->components[i].text, "digest",
                                              digest_json(&m->components[i].digest)));
    return list;
}

static json_t *shown_json(const struct shown *s)
{
    const struct eat_claims *c = &s->claims;
    char serial[2 * SERIAL_LEN + 1];

    return json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:b, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:s, "
        "s:i, s:I, s:o, s:s, s:o, s:s, s:s}",
        "not_protected_from", c->breakers, "program", s->uri, "serial",
        serial_text(s->chain.at[0], serial), "tier", c->tier, "back_end", c->back_end, "debug",
        c->debug == EAT_DEBUG_ENABLED, "not_before",
        (json_int_t)certificate_not_before(s->chain.at[0]), "not_after",
        (json_int_t)certificate_not_after(s->chain.at[0]), "reads", list_json(c->reads, c->n_reads),
        "writes", list_json(c->writes, c->n_writes), "executable", digest_json(&c->executable),
        "source", digest_json(&c->source), "manifest", digest_json(&c->manifest), "toolchain",
        digest_json(&c->toolchain), "owner", c->owner, "cpu_model", c->hwmodel, "cpus",
        (int)c->n_cpus, "memory", (json_int_t)c->memory, "memory_map",
        digest_json(&c->measured.memory_map), "memory_map_summary", c->measured.memory_map_summary,
        "components", components_json(&c->measured), "kernel", c->kernel, "policy", c->policy);
}

static bool show_pem(const struct cli *cli, const struct buffer *pem, struct idevs_error *ret_err)
{
    struct chain chain _cleanup_chain_ = {0};

    if (!chain_from_pem(buffer_bytes(pem), &chain, ret_err))
        return false;
    if (!cli->json)
        return fwrite(pem->data, 1, pem->len, stdout) == pem->len;
    _cleanup_json_ json_t *j = json_pack("{s:s%}", "pem", (const char *)pem->data, pem->len);
    print_json(j);
    return true;
}

static bool run_show(const struct cli *cli, const struct arguments *a, struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_PEM_CHAIN);
    struct shown shown _cleanup_shown_ = {0};

    if (!read_pem(cli, a->positional[0], &pem, ret_err))
        return false;
    if (argument_given(a, "--pem"))
        return show_pem(cli, &pem, ret_err);
    if (!read_shown(buffer_bytes(&pem), &shown, ret_err))
        return false;
    if (cli->json) {
        _cleanup_json_ json_t *j = shown_json(&shown);
        print_json(j);
    } else {
        print_shown(&shown, false);
    }
    return true;
}

/* ---- verify ---- */

bool cert_verify(const struct shown *s, const char *anchor_file, struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);
    struct chain anchors _cleanup_chain_ = {0};
    struct bytes ders[LIMIT_CHAIN];

    if (!file_read(anchor_file, &pem, ret_err) ||
        !chain_from_pem(buffer_bytes(&pem), &anchors, ret_err))
        return false;
    for (size_t i = 0; i < anchors.n; i++)
        ders[i] = certificate_der(anchors.at[i]);
    return chain_verify(&s->chain, ders, anchors.n, CHAIN_PROGRAM, clock_unix(), ret_err);
}

static bool run_verify(const struct cli *cli, const struct arguments *a,
                       struct idevs_error *ret_err)
{
    struct shown shown _cleanup_shown_ = {0};
    const char *anchors;

    if (!argument_required(a, "--anchors", &anchors, ret_err) ||
        !cert_read(cli, a->positional[0], &shown, ret_err) ||
        !cert_verify(&shown, anchors, ret_err))
        return false;
    if (cli->json) {
        _cleanup_json_ json_t *j = shown_json(&shown);
        print_json(j);
    } else {
        printf("The chain leads to %s and is valid now. What it says:\n\n", anchors);
        print_shown(&shown, true);
    }
    return true;
}

static const char *const SHOW_OPTIONS[] = {"--pem", NULL};
static const char *const VERIFY_OPTIONS[] = {"--anchors=FILE", NULL};

const struct command CERT_COMMANDS[] = {
    {"cert", "show", "FILE|RUN", "a program's certificate in plain words", SHOW_OPTIONS, 1, 1,
     run_show},
    {"cert", "verify", "FILE|RUN --anchors FILE", "the same, after checking its chain to --anchors",
     VERIFY_OPTIONS, 1, 1, run_verify},
    {0},
};
