#include "ca/options.h"
#include "base/limits.h"
#include "base/text.h"

#include <stddef.h>

#define ON(command) (1u << (command))

static const struct option {
    const char *name;
    unsigned commands; /* that take it */
    bool required;
    size_t at; /* in struct ca_options */
} OPTIONS[] = {
    {"--ca", ON(CA_SERVER), true, offsetof(struct ca_options, ca)},
    {"--ca-key", ON(CA_SERVER), true, offsetof(struct ca_options, ca_key)},
    {"--host", ON(CA_SERVER), true, offsetof(struct ca_options, host)},
    {"--key", ON(CA_ROOT) | ON(CA_SERVER), true, offsetof(struct ca_options, key)},
    {"--out", ON(CA_ROOT) | ON(CA_SERVER), true, offsetof(struct ca_options, out)},
    {"--subject", ON(CA_ROOT), true, offsetof(struct ca_options, subject)},
};

static const char **place(struct ca_options *o, const struct option *option)
{
    return (const char **)((char *)o + option->at);
}

static bool take_days(const char *value, uint32_t *ret, struct idevs_error *ret_err)
{
    uint64_t days;

    if (*ret)
        return refuse(ret_err, "usage", "--days twice");
    if (!parse_u64(bytes_of_text(value), LIMIT_CA_DAYS_CEILING, &days) || days == 0)
        return refuse_expecting(ret_err, "usage", "1 to 7300 days", "--days %s", value);
    *ret = (uint32_t)days;
    return true;
}

static bool take(struct ca_options *o, const char *name, const char *value,
                 struct idevs_error *ret_err)
{
    if (!value)
        return refuse(ret_err, "usage", "%s without a value", name);
    if (strcmp(name, "--days") == 0)
        return take_days(value, &o->days, ret_err);
    for (size_t i = 0; i < ARRAY_LEN(OPTIONS); i++) {
        if (strcmp(OPTIONS[i].name, name) != 0 || !(OPTIONS[i].commands & ON(o->command)))
            continue;
        if (*place(o, &OPTIONS[i]))
            return refuse(ret_err, "usage", "%s twice", name);
        if (value[0] == 0)
            return refuse(ret_err, "usage", "%s with an empty value", name);
        *place(o, &OPTIONS[i]) = value;
        return true;
    }
    return refuse(ret_err, "usage", "%s", name);
}

static bool is_complete(struct ca_options *o, struct idevs_error *ret_err)
{
    for (size_t i = 0; i < ARRAY_LEN(OPTIONS); i++)
        if (OPTIONS[i].required && (OPTIONS[i].commands & ON(o->command)) &&
            !*place(o, &OPTIONS[i]))
            return refuse(ret_err, "usage", "no %s", OPTIONS[i].name);
    if (!o->days)
        o->days = o->command == CA_ROOT ? LIMIT_CA_ROOT_DAYS : LIMIT_CA_SERVER_DAYS;
    return true;
}

static bool command_of(const char *word, enum ca_command *ret)
{
    if (strcmp(word, "root") == 0)
        *ret = CA_ROOT;
    else if (strcmp(word, "server") == 0)
        *ret = CA_SERVER;
    else
        return strcmp(word, "--help") == 0;
    return true;
}

bool ca_options_parse(int argc, char **argv, struct ca_options *ret, struct idevs_error *ret_err)
{
    struct ca_options o = {.command = CA_HELP};

    if (argc < 2)
        return refuse(ret_err, "usage", "no command");
    if (!command_of(argv[1], &o.command))
        return refuse(ret_err, "usage", "%s", argv[1]);
    if (o.command == CA_HELP && argc > 2)
        return refuse(ret_err, "usage", "%s", argv[2]);
    for (int i = 2; i < argc; i += 2)
        if (!take(&o, argv[i], i + 1 < argc ? argv[i + 1] : NULL, ret_err))
            return false;
    if (o.command != CA_HELP && !is_complete(&o, ret_err))
        return false;
    *ret = o;
    return true;
}
