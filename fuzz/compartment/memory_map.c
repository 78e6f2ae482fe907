#include "compartment/memory_map.h"

#include "fuzz.h"

/* The text of /proc/PID/maps: whatever it is, the claim can be encoded. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct eat_measured m = {.n_components = 0};

    if (!memory_map_measure(bytes_of(data, size), &m))
        return 0; /* longer than any map */
    const char *kind = eat_component_text(&m, EAT_MEMORY);
    must(kind &&
         strcmp(kind, memory_map_is_secret(bytes_of(data, size)) ? EAT_SECRET : EAT_ORDINARY) == 0);
    must(m.memory_map.present && m.memory_map_summary[0] &&
         strnlen(m.memory_map_summary, LIMIT_EAT_TEXT) < LIMIT_EAT_TEXT);
    for (const char *p = m.memory_map_summary; *p; p++)
        must(*p >= 0x20 && *p <= 0x7e);
    return 0;
}
