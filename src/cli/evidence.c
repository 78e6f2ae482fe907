/* evidence verify: hardware evidence, followed offline to its maker's root. */
#include "base/clock.h"
#include "base/fd.h"
#include "base/text.h"
#include "cli/cli.h"
#include "evidence/hardware.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* All that one call reads. */
struct inputs {
    const struct hardware_verifier *verifier;
    struct buffer evidence;
    struct buffer nonce;
    struct endorsements endorsements;
    int64_t at;
};

static void inputs_release(struct inputs *in)
{
    buffer_free(&in->evidence);
    buffer_free(&in->nonce);
    endorsements_release(&in->endorsements);
}
#define _cleanup_inputs_ _cleanup_(inputs_release)

/* ---- files ---- */

typedef bool add_file(struct endorsements *e, const char *name, struct bytes content,
                      struct idevs_error *ret_err);

static bool add_roots(struct endorsements *e, const char *name, struct bytes content,
                      struct idevs_error *ret_err)
{
    (void)name;
    return endorsements_add_roots(e, content, ret_err);
}

static bool read_file(const char *path, add_file *add, struct endorsements *e,
                      struct idevs_error *ret_err)
{
    const char *slash = strrchr(path, '/');
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_CRL);

    return file_read(path, &b, ret_err) &&
           add(e, slash ? slash + 1 : path, buffer_bytes(&b), ret_err);
}

static int not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Every file of a folder, by name; not its sub-folders. */
static bool read_folder(const char *path, add_file *add, struct endorsements *e,
                        struct idevs_error *ret_err)
{
    struct dirent **entries;
    int n = scandir(path, &entries, not_hidden, alphasort);
    bool ok = n >= 0 || refuse_errno(ret_err, "file.unreadable", path);

    for (int i = 0; i < n; i++) {
        char file[4096];
        struct stat st;
        int len = snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
        if (ok && len > 0 && (size_t)len < sizeof(file) && stat(file, &st) == 0 &&
            S_ISREG(st.st_mode))
            ok = read_file(file, add, e, ret_err);
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
    return ok;
}

static bool read_paths(const struct arguments *a, const char *option, add_file *add,
                       struct endorsements *e, struct idevs_error *ret_err)
{
    const char *path;

    for (size_t i = 0; (path = argument_value_at(a, option, i)); i++) {
        struct stat st;
        bool folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
        if (!(folder ? read_folder : read_file)(path, add, e, ret_err))
            return false;
    }
    return true;
}

/* ---- options ---- */

static bool read_nonce(const char *hex, struct buffer *ret, struct idevs_error *ret_err)
{
    return !hex || (hex_decode(bytes_of_text(hex), ret) && ret->len > 0) ||
           refuse_expecting(ret_err, "usage", "--nonce of lower-case hex, at most 512 bytes", "%s",
                            hex);
}

static bool read_time(const char *text, int64_t *ret, struct idevs_error *ret_err)
{
    uint64_t at;

    *ret = clock_unix();
    if (!text)
        return true;
    if (!parse_u64(bytes_of_text(text), INT64_MAX / 2, &at))
        return refuse_expecting(ret_err, "usage", "--at in seconds since 1970", "%s", text);
    *ret = (int64_t)at;
    return true;
}

static bool read_inputs(const struct arguments *a, struct inputs *in, struct idevs_error *ret_err)
{
    const char *format;

    if (!argument_required(a, "--format", &format, ret_err))
        return false;
    in->verifier = hardware_verifier(format);
    if (!in->verifier)
        return refuse_expecting(ret_err, "usage", "--format snp, tdx, nitro, tpm or eat", "%s",
                                format);
    in->evidence = buffer_up_to(LIMIT_HARDWARE_EVIDENCE);
    in->nonce = buffer_up_to(LIMIT_EVIDENCE_NONCE);
    return read_nonce(argument_value(a, "--nonce"), &in->nonce, ret_err) &&
           read_time(argument_value(a, "--at"), &in->at, ret_err) &&
           file_read(a->positional[0], &in->evidence, ret_err) &&
           read_paths(a, "--endorsements", endorsements_add, &in->endorsements, ret_err) &&
           read_paths(a, "--roots", add_roots, &in->endorsements, ret_err);
}

/* ---- the verdict ---- */

static json_t *claim_json(const struct claim *c)
{
    char hex[2 * LIMIT_CLAIM_LEN + 1];

    switch (c->kind) {
    case CLAIM_BYTES:
        hex_text(c->bytes, c->len, hex);
        return json_string(hex);
    case CLAIM_TEXT:
        return json_string((const char *)c->bytes);
    case CLAIM_NUMBER:
        return json_integer((json_int_t)c->number);
    case CLAIM_FLAG:
        return json_boolean(c->number != 0);
    }
    return json_null();
}

static json_t *lines_json(const struct buffer *chain)
{
    json_t *list = json_array();
    const char *at = (const char *)chain->data;

    for (size_t left = chain->len; left > 0;) {
        const char *end = memchr(at, '\n', left);
        size_t n = end ? (size_t)(end - at) : left;
        json_array_append_new(list, json_stringn(at, n));
        left -= n + (end ? 1 : 0);
        at += n + 1;
    }
    return list;
}

static void print_verdict_json(bool accepted, const struct claims *claims,
                               const struct buffer *chain, const struct idevs_error *err)
{
    json_t *values = json_object();
    _cleanup_json_ json_t *j = json_pack("{s:s, s:s}", "verdict", accepted ? "accepted" : "refused",
                                         "code", accepted ? "" : err->code);

    if (!accepted) {
        json_object_set_new(j, "expected", json_string(err->expected));
        json_object_set_new(j, "found", json_string(err->found));
        json_object_set_new(j, "remedy", json_string(err->remedy));
    }
    for (size_t i = 0; i < claims->n; i++)
        json_object_set_new(values, claims->at[i].name, claim_json(&claims->at[i]));
    json_object_set_new(j, "claims", values);
    json_object_set_new(j, "chain", lines_json(chain));
    print_json(j);
}

static void print_claims(const struct claims *claims)
{
    for (size_t i = 0; i < claims->n; i++) {
        _cleanup_json_ json_t *value = claim_json(&claims->at[i]);
        char *text = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY);
        printf("  %-26s%s\n", claims->at[i].name, text ? text : json_string_value(value));
        free(text);
    }
}

static void print_verdict(bool accepted, const struct claims *claims, const struct buffer *chain,
                          const struct idevs_error *err)
{
    if (!accepted)
        printf("REFUSED: %s\n  found     %s\n  expected  %s\n  remedy    %s\n\n"
               "What it claims, none of it proven:\n",
               err->code, err->found, err->expected, err->remedy);
    else
        printf("ACCEPTED, by these certificates:\n%.*s\nWhat it proves:\n", (int)chain->len,
               chain->len ? (const char *)chain->data : "");
    print_claims(claims);
}

static bool run_verify(const struct cli *cli, const struct arguments *a,
                       struct idevs_error *ret_err)
{
    struct inputs in _cleanup_inputs_ = {0};
    struct claims claims = {.n = 0};
    _cleanup_buffer_ struct buffer chain = buffer_up_to(LIMIT_PATH_TEXT);

    if (!read_inputs(a, &in, ret_err)) {
        *cli->outcome = (struct outcome){true, STATUS_USAGE};
        print_refusal(cli, ret_err);
        return false;
    }
    const struct verification v = {
        .evidence = buffer_bytes(&in.evidence),
        .endorsements = &in.endorsements,
        .nonce = buffer_bytes(&in.nonce),
        .at = in.at,
        .allow_debug = argument_given(a, "--allow-debug"),
    };
    bool accepted = in.verifier->verify(&v, &claims, &chain, ret_err);
    *cli->outcome = (struct outcome){
        true, !accepted && error_is(ret_err, "evidence.format") ? STATUS_USAGE : STATUS_REFUSED};
    (cli->json ? print_verdict_json : print_verdict)(accepted, &claims, &chain, ret_err);
    return accepted;
}

static const char *const OPTIONS[] = {"--format=NAME",
                                      "--endorsements=PATH...",
                                      "--roots=PATH...",
                                      "--nonce=HEX",
                                      "--at=UNIX",
                                      "--allow-debug",
                                      NULL};

const struct command EVIDENCE_COMMANDS[] = {
    {"evidence", "verify", "FILE --format NAME",
     "hardware evidence, offline; exit status 0 accepted, 1 refused, 2 unusable", OPTIONS, 1, 1,
     run_verify},
    {0},
};
