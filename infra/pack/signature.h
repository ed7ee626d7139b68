/* Signatures by minisign or signify, whichever made the key. */
#ifndef PACK_SIGNATURE_H
#define PACK_SIGNATURE_H

/* Signs a file with a secret key, the signature in FILE.sig; both programs may ask for a
 * passphrase on the terminal. Returns 0, or -1 after a report(). */
int signature_make(const char *file, const char *secret_key, const char *comment);

/* Whether FILE.sig is a public key's signature of the file: 1 yes, 0 no, -1 after a report()
 * where it can't be told: no such program, no key. */
int signature_check(const char *file, const char *public_key);

#endif
