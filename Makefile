# whittle's front door. Each folder's own make does the work; this one knows the order:
# programs, then the baseline, then every container from it.

include etc/Makefile-common
export BASE ENGINE V

PROGRAMS   := $(patsubst %/Makefile,%,$(wildcard baseline/prep/Makefile services/*/Makefile infra/*/Makefile))
CONTAINERS := $(patsubst %/Makefile,%,$(wildcard containers/*/Makefile))
LABS       := $(patsubst %/Makefile,%,$(wildcard labs/Makefile))
ROOTFS     := baseline/rootfs

each = $(addsuffix .$(1),$(2))

# Folders are told what was built before them, so that they needn't look themselves. The
# sanitizers' build is another one, which images don't take.
ifneq ($(SAN),1)
LIB_READY := WHITTLE_LIB_READY=1
PROGRAMS_READY := $(LIB_READY) WHITTLE_PROGRAMS_READY=1
endif

.PHONY: all programs baseline containers test install install-tools clean distclean check bench \
	fuzz doctor reproduce outdated bump help
all: containers

programs: $(call each,all,$(PROGRAMS))
$(call each,all,$(PROGRAMS)): lib.all
baseline: baseline.all
baseline.all: programs
containers: $(call each,all,$(CONTAINERS))
$(call each,all,$(CONTAINERS)): baseline

# Tests of programs need no image; those of containers run against the built ones. While d's
# wait for their containers, those that start none run beside them, and are shown afterwards.
BESIDE := lib services/filewatch services/probe $(ROOTFS)
test: test.together $(call each,test,$(filter-out infra/d $(BESIDE),$(PROGRAMS))) tests.run \
	$(call each,test,baseline $(CONTAINERS))
.PHONY: test.together test.beside
test.together: programs
	$(Q)log=$$(mktemp) beside= && trap 'kill -- $${beside:+-$$beside} 2>/dev/null; rm -f "$$log"' EXIT && \
	trap 'exit 130' INT TERM && { setsid $(MAKE) test.beside >"$$log" 2>&1 & beside=$$!; } && \
	{ status=0; $(MAKE) infra/d.test || status=$$?; wait $$beside || status=$$?; beside=; \
		cat "$$log"; exit $$status; }
test.beside: $(call each,test,$(BESIDE))
$(call each,test,$(PROGRAMS)): lib.all
$(call each,test,baseline $(CONTAINERS)): baseline

# The labs are about what is underneath, not about the images: not part of "test".
.PHONY: labs
labs: $(call each,test,$(LABS))
$(call each,test,$(LABS)): programs
.PHONY: tests.run
tests.run: programs
	$(Q)cd tests && ./run $(notdir $(wildcard tests/*.bats))

# An image is built, tested and promoted, all or nothing, each on its own.
install: $(CONTAINERS:%=%.promoted)
.PHONY: $(CONTAINERS:%=%.promoted)
$(CONTAINERS:%=%.promoted): baseline
	$(Q)$(MAKE) -C $(@:.promoted=) all test install $(PROGRAMS_READY) WHITTLE_BASELINE_READY=1

install-tools: $(call each,install-tools,$(PROGRAMS))

clean: $(call each,clean,lib $(PROGRAMS) baseline $(ROOTFS) $(CONTAINERS) $(LABS))
distclean: clean
	$(Q)$(MAKE) -C third-party clean
	$(Q)rm -rf .cache

# The programs whose modules depend on each other in one direction, which the objects prove.
LAYERED := infra/d infra/idmap infra/learn infra/pack baseline/prep services/filewatch services/probe

check: $(call each,check,lib $(PROGRAMS) baseline $(CONTAINERS) $(LABS)) check.layers
	$(Q)tests/lint infra/setup infra/doctor infra/engine infra/fetch infra/image infra/packages \
		infra/new infra/fix infra/explain infra/quietly \
		infra/pack/bench infra/pack/reproduce etc/package-note tests/run tests/lint tests/layers \
		tests/with-dockerd tests/in-debian tests/as-user $(wildcard tests/*.bash tests/*.bats)

.PHONY: check.layers
check.layers: lib.all $(call each,all,$(LAYERED))
	$(Q)tests/layers lib $(LAYERED)

bench: $(call each,bench,$(PROGRAMS))
fuzz: $(call each,fuzz,lib $(PROGRAMS))

doctor:
	$(Q)infra/doctor

# Everything twice from scratch, in two places: the same programs, the same image IDs?
reproduce:
	$(Q)infra/pack/reproduce

# What is pinned against what upstreams have, what is live against Alpine's security list.
PACK := infra/pack/pack
outdated: infra/pack.all
	$(Q)$(PACK) outdated --live --cache .cache/upstream $(if $(OFFLINE),--offline)
bump: infra/pack.all
	$(Q)$(PACK) bump --cache .cache/sources --lists .cache/upstream $(BUMP_FLAGS) \
		$(or $(NAME),$(error which? make bump NAME=busybox))

# folder.target: that target in that folder. A folder without it says so itself.
RECURSE = $(foreach t,all test install-tools clean check bench fuzz,\
	$(call each,$(t),lib $(PROGRAMS) baseline $(ROOTFS) $(CONTAINERS) $(LABS)))
.PHONY: $(RECURSE)
$(RECURSE):
	$(Q)$(MAKE) -C $(basename $@) $(patsubst .%,%,$(suffix $@)) $(call ready,$(basename $@),$(suffix $@))

# ready(FOLDER,.TARGET): what stands when that folder's turn comes.
ready = $(if $(filter .all .test,$(2)),$(if $(filter containers/%,$(1)),$(PROGRAMS_READY) WHITTLE_BASELINE_READY=1,$\
	$(if $(filter baseline,$(1)),$(PROGRAMS_READY),$(if $(filter $(PROGRAMS),$(1)),$(LIB_READY)))))

help:
	@echo 'Pipeline'
	@echo '  all            build every program, the baseline, every image (:latest)'
	@echo '  test           every test; an image that already passed unchanged is not asked again'
	@echo '  install        build, test and promote every image to :live'
	@echo '  clean          delete what builds made (distclean: downloads too)'
	@echo 'Host'
	@echo '  doctor         what works on this machine, what does not, what to do'
	@echo '  outdated       pins and packages that have something newer (OFFLINE=1: by saved lists)'
	@echo '  bump NAME=...  pin the newest release of a source, verified'
	@echo '  install-tools  programs and man pages into PREFIX ($(PREFIX)); DESTDIR is honoured'
	@echo 'Development'
	@echo '  check          lint: C, shell'
	@echo '  bench          each program beside what one would run instead'
	@echo '  reproduce      build everything twice, in two places, and compare'
	@echo '  labs           what a container is made of: prove every lab'
	@echo '  fuzz           each fuzz target for SECONDS (20)'
	@echo 'Variables, on the command line or in config.mk'
	@echo '  BASE=musl      or alpine: what the baseline is made of'
	@echo '  ENGINE=podman  or docker: default is podman where it is installed'
	@echo '  STRICT=1       install refuses new setuid files, accounts, ports and programs'
	@echo '  SIGN_KEY=FILE  install signs with that key of minisign or signify'
	@echo '  JOBS=-jN       how many compilers at once (one a processor; JOBS= one alone)'
	@echo '  V=1            show whole commands   SAN=1  programs and tests with sanitizers'
	@echo 'In a folder of its own the same words work: cd containers/filewatch && make all test install'
