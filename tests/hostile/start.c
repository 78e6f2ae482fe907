/* The start of a real program in a compartment: challenge, evidence, certificate, keys, each
 * passing through a launcher that lies. */
#include "base/fd.h"
#include "host.h"

#include <stdlib.h>
#include <unistd.h>

/* ---- what the program is told ---- */

static void change_challenge(struct relay *r, struct passing *p)
{
    (void)r;
    if (passing_is(p, "authority:challenge"))
        p->reply.data[0] ^= 1;
}

/* The program cannot know; its evidence is over what it was told. */
ATTACK(a_changed_challenge_is_refused, AUTHORITY, "challenge.stale",
       "The launcher changes the authority's challenge on its way to the program.")
{
    host_skip_unless_possible();
    host.manifest.run_seconds = 3; /* the program would ask again and again */
    host_set_manifest(true);
    relay.back = change_challenge;
    assert_string_not_equal(host_runs_probe(), "");
    assert_int_equal(relay.n_certificates, 0);
    assert_int_equal(fake_service_count(&store.service), 0);
    attack_refused(this, AUTHORITY, authority_said());
}

/* A chain for another key, as PEM in place of the authority's. */
static void certify_own_key(struct relay *r, struct passing *p)
{
    _cleanup_key_ struct key *own = key_generate();
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);
    struct actor_program forged = {.key = NULL};
    struct actor_ca ca;
    uint8_t spki[SPKI_LEN];
    (void)r;

    if (!passing_is(p, "authority:certificate"))
        return;
    key_spki(own, spki);
    actor_ca_make(&ca, "isolated", clock_unix());
    actor_program_certify(&forged, spki, &ca, NULL, clock_unix());
    if (!chain_to_pem(&forged.chain, &pem))
        abort();
    passing_reply(p, 200, "application/pem-certificate-chain", buffer_bytes(&pem));
    actor_program_free(&forged);
    actor_ca_free(&ca);
}

ATTACK(a_certificate_for_another_key_is_not_taken, RUNTIME, "certificate.key",
       "The launcher hands the program a certificate for a key of the launcher's own.")
{
    host_skip_unless_possible();
    relay.forth = certify_own_key;
    probe_refuses(this);
}

/* ---- what the owner did not approve ---- */

ATTACK(a_manifest_that_was_not_approved_is_not_certified, AUTHORITY, "approval.missing",
       "The launcher runs the approved program with a manifest that lets it write to one service "
       "more.")
{
    host_skip_unless_possible();
    relay_add_service(&host.manifest, "transport", &store);
    host_set_manifest(false);
    assert_string_equal(host_runs_probe(), "approval.missing");
    assert_int_equal(fake_service_count(&store.service), 0);
    attack_refused(this, AUTHORITY, authority_said());
}

ATTACK(an_executable_that_was_not_approved_is_not_certified, AUTHORITY, "approval.missing",
       "The launcher has the warden run the approved program with one byte appended.")
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_EXECUTABLE);

    host_skip_unless_possible();
    assert_int_equal(lseek(host.executable, 0, SEEK_SET), 0);
    assert_true(fd_read_to_end(host.executable, &b) && buffer_append_u8(&b, 0));
    close(host.executable);
    host.executable = memfd_sealed("other", buffer_bytes(&b));
    assert_string_equal(host_runs_probe(), "approval.missing");
    assert_int_equal(fake_service_count(&store.service), 0);
    attack_refused(this, AUTHORITY, authority_said());
}

static const struct attack *const ATTACKS[] = {
    ROW(a_changed_challenge_is_refused),
    ROW(a_certificate_for_another_key_is_not_taken),
    ROW(a_manifest_that_was_not_approved_is_not_certified),
    ROW(an_executable_that_was_not_approved_is_not_certified),
};

int main(int argc, char **argv)
{
    const struct area area = {.name = "start",
                              .begin = host_begin,
                              .end = host_end,
                              .control = host_control,
                              .attacks = ATTACKS,
                              .n = ARRAY_LEN(ATTACKS)};

    return area_main(&area, argc, argv);
}
