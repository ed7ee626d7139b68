/* Signatures of images that others made, as cosign leaves them in the registry beside them. */
#ifndef PACK_COSIGN_H
#define PACK_COSIGN_H

/* Whether a file holds a public key in PEM, which is what cosign's and sigstore's keys are. */
int cosign_key(const char *file);

/*
 * Whether a public key signed the engine's image of that ID: 1 yes, 0 no, after a line to
 * standard output that says why; -1 after a report(). The first time, manifests and signature
 * are fetched from the registry that the engine had the image from; they are kept below the
 * state directory, and each time all of it is checked: the signature, that what was signed is
 * the digest of the manifest, and that the manifest is that of the image.
 */
int cosign_check(const char *id, const char *public_key, const char *state);

#endif
