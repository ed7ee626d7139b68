# The pipeline's contract without the pipeline, for tests that are about what comes after:
# stamps that name an image, tags that move.

E := $(TOP)/infra/engine
P := $(TOP)/infra/pack/pack
R := localhost/whittle/$(notdir $(CURDIR))

# As in the real one, content decides. Without the engines' caches of steps, which trip over
# images that somebody else removes meanwhile.
FLAGS := $(if $(filter podman,$(shell $(E) --which)),--layers=false --format docker,--no-cache)
INPUTS := $(shell tar -c --sort=name --mtime=@0 Dockerfile files | sha256sum | cut -d' ' -f1)

.PHONY: all test install
all:
	@if [ -e fail-build ]; then echo "the build fails"; exit 1; fi
	@grep -qsx 'inputs $(INPUTS)' build-stamp && exit; \
	$(E) build -q $(FLAGS) -t $(R):latest . >/dev/null 2>log || { cat log; exit 1; }; \
	printf 'image %s\ninputs %s\n' "$$($(P) id $(R):latest)" $(INPUTS) >build-stamp

test:
	@if [ -e fail-test ]; then echo "the test fails"; exit 1; fi
	@cp build-stamp test-stamp

install:
	@if [ -e fail-install ]; then echo "promotion refused"; exit 1; fi
	@id=$$(sed -n 's/^image //p' test-stamp); \
	live=$$($(P) id $(R):live || :); \
	[ "$$live" != "$$id" ] || exit 0; \
	[ -z "$$live" ] || $(E) tag $(R):live $(R):prev; \
	$(E) tag $$($(P) id -r $$id) $(R):live
