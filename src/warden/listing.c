#include "warden/listing.h"
#include "attester/hardware_maker.h"
#include "document/json.h"
#include "wire/cbor.h"

#include <stdio.h>

/* Without a configuration nobody has decided. */
static bool is_permitted(const struct warden_config *config, const struct compartment_back_end *b)
{
    for (size_t i = 0; config && i < config->n_back_ends; i++)
        if (config->back_ends[i] == b)
            return true;
    return !config;
}

static json_t *gap_json(const struct idevs_error *gap)
{
    return json_pack("{s:s, s:s, s:s, s:s}", "code", gap->code, "found", gap->found, "expected",
                     gap->expected, "remedy", gap->remedy);
}

static json_t *back_end_json(const struct warden_config *config,
                             const struct compartment_back_end *b)
{
    struct compartment_gaps gaps = {.n = 0};
    json_t *missing = json_array();

    b->probe(&gaps);
    for (size_t i = 0; i < gaps.n; i++)
        json_array_append_new(missing, gap_json(&gaps.at[i]));
    return json_pack("{s:s, s:b, s:b, s:b, s:s, s:s, s:o}", "name", b->name, "usable", gaps.n == 0,
                     "permitted", is_permitted(config, b), "isolates", b->isolates, "protects_from",
                     b->protects_from, "exposed_to", b->exposed_to, "missing", missing);
}

static json_t *maker_json(const struct hardware_maker *m)
{
    struct idevs_error gap;
    bool usable = m->probe(&gap);
    json_t *missing = json_array();

    if (!usable)
        json_array_append_new(missing, gap_json(&gap));
    return json_pack("{s:s, s:s, s:b, s:o}", "format", m->format, "technology", m->technology,
                     "usable", usable, "missing", missing);
}

static void print_gap(const struct idevs_error *gap)
{
    printf("  missing         %s (%s)\n  how to get it   %s\n", gap->expected, gap->found,
           gap->remedy);
}

static void print_maker(const struct hardware_maker *m)
{
    struct idevs_error gap;
    bool usable = m->probe(&gap);

    printf("evidence %s (%s): %s\n", m->format, m->technology,
           usable ? "can be made here" : "cannot be made here");
    if (!usable)
        print_gap(&gap);
}

static void print_words(const struct warden_config *config, const struct compartment_back_end *b)
{
    struct compartment_gaps gaps = {.n = 0};

    b->probe(&gaps);
    printf("%s: %s%s\n", b->name, gaps.n ? "not usable here" : "usable",
           is_permitted(config, b) ? "" : ", not permitted by the configuration");
    for (size_t i = 0; i < gaps.n; i++)
        print_gap(&gaps.at[i]);
    printf("  protects from   %s\n  does not        %s\n", b->protects_from, b->exposed_to);
}

static bool print_json(const struct warden_config *config)
{
    size_t n;
    size_t n_makers;
    const struct compartment_back_end *const *all = compartment_back_ends(&n);
    const struct hardware_maker *const *makers = hardware_makers(&n_makers);
    json_t *list = json_array();
    json_t *evidence = json_array();
    _cleanup_json_ json_t *whole =
        json_pack("{s:o, s:o}", "back_ends", list, "hardware_evidence", evidence);
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_JSON);

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, back_end_json(config, all[i]));
    for (size_t i = 0; i < n_makers; i++)
        json_array_append_new(evidence, maker_json(makers[i]));
    return json_write(whole, &b) && puts((const char *)b.data) >= 0;
}

bool listing_print(const struct warden_config *config, bool as_json)
{
    size_t n;
    size_t n_makers;
    const struct compartment_back_end *const *all = compartment_back_ends(&n);
    const struct hardware_maker *const *makers = hardware_makers(&n_makers);

    if (as_json)
        return print_json(config) && fflush(stdout) == 0;
    for (size_t i = 0; i < n; i++)
        print_words(config, all[i]);
    for (size_t i = 0; i < n_makers; i++)
        print_maker(makers[i]);
    return fflush(stdout) == 0;
}

static bool put_text(struct buffer *b, const char *text)
{
    return cbor_put_text(b, bytes_of_text(text));
}

static bool put_gaps(struct buffer *b, const struct compartment_gaps *gaps)
{
    if (!cbor_put_array(b, gaps->n))
        return false;
    for (size_t i = 0; i < gaps->n; i++)
        if (!cbor_put_array(b, 3) || !put_text(b, gaps->at[i].found) ||
            !put_text(b, gaps->at[i].expected) || !put_text(b, gaps->at[i].remedy))
            return false;
    return true;
}

bool listing_encode(const struct warden_config *config, struct buffer *b)
{
    size_t n;
    const struct compartment_back_end *const *all = compartment_back_ends(&n);
    bool ok = cbor_put_array(b, n);

    for (size_t i = 0; i < n && ok; i++) {
        struct compartment_gaps gaps = {.n = 0};
        all[i]->probe(&gaps);
        ok = cbor_put_array(b, 6) && put_text(b, all[i]->name) &&
             cbor_put_bool(b, is_permitted(config, all[i])) && cbor_put_bool(b, all[i]->isolates) &&
             put_text(b, all[i]->protects_from) && put_text(b, all[i]->exposed_to) &&
             put_gaps(b, &gaps);
    }
    return ok;
}
