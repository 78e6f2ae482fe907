/* How probe.c says, by its exit status, with which code it was refused: there is no other way out
 * of a compartment when the channel is what is attacked. */
#ifndef IDEVS_TESTS_HOSTILE_PROGRAMS_CODES_H
#define IDEVS_TESTS_HOSTILE_PROGRAMS_CODES_H

#define PROBE_STATUS 10 /* of the first code; any other code has the status before it */

static const char *const PROBE_CODES[] = {
    "approval.missing",      "authority.answer",    "authority.unreachable",
    "certificate.chain",     "certificate.expired", "certificate.key",
    "certificate.malformed", "certificate.name",    "challenge.stale",
    "csr.malformed",         "evidence.freshness",  "evidence.malformed",
    "evidence.measurement",  "evidence.platform",   "evidence.signature",
    "frame.malformed",       "keys.signature",      "launcher.unreachable",
    "manifest.authority",    "outcome.unknown",     "policy.reads",
    "policy.writes",         "run.limit",           "run.stopped",
    "service.unreachable",   "approval.name-taken", "api.field",
    "manifest.syntax",
};

#endif
