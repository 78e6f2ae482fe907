#include "attester/attester.h"

#include "fuzz.h"

static void must_be_claim(const char *text)
{
    must(text[0] && strnlen(text, LIMIT_EAT_TEXT) < LIMIT_EAT_TEXT);
    for (; *text; text++)
        must(*text >= 0x20 && *text <= 0x7e);
}

/* The text of /proc/cpuinfo and of /proc/PID/maps: whatever it is, the claims can be encoded. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct attester_host host = {0};
    char text[4096];
    char summary[LIMIT_EAT_TEXT];

    text_from(bytes_of(data, size), text, sizeof(text));
    attester_parse_cpuinfo(text, &host);
    must_be_claim(host.cpu_model);
    must_be_claim(host.cpu_version);
    attester_summarise_map(bytes_of(data, size), summary);
    must_be_claim(summary);
    return 0;
}
