# The pipeline's contract for tests/engine.c: "next" names the image that is built.

E := $(WHITTLE_ENGINE)
R := localhost/whittle/$(notdir $(CURDIR))

.PHONY: all test install
all:
	@cp next build-stamp
test:
	@cp build-stamp test-stamp
install:
	@id=$$(sed -n 's/^image //p' test-stamp); \
	live=$$($(E) image inspect -f '{{.Id}}' $(R):live) || exit 1; \
	[ "$$live" = "$$id" ] || { $(E) tag "$$live" $(R):prev && $(E) tag "$$id" $(R):live; }
