#include "ca/options.h"

#include "base/limits.h"
#include "words.h"

/* A command that is accepted has what it needs. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct words words;
    struct ca_options o = {0};
    struct idevs_error err = {0};

    words_from(bytes_of(data, size), &words);
    if (!ca_options_parse(words.n, words.at, &o, &err)) {
        must_be_refusal(&err);
        return 0;
    }
    if (o.command != CA_HELP)
        must(o.out && o.key && o.days > 0 && o.days <= LIMIT_CA_DAYS_CEILING);
    if (o.command == CA_SERVER)
        must(o.ca && o.ca_key && o.host);
    return 0;
}
