# whittle's front door. Each directory's own make does the work; this one knows the order:
# programs, then the baseline, then every container from it.

ifneq ($(words $(CURDIR)),1)
$(error '$(CURDIR)': a path with blanks, which make can't work with)
endif
include etc/Makefile-common
export BASE ENGINE V

PROGRAMS   := $(patsubst %/Makefile,%,$(wildcard baseline/prep/Makefile services/*/Makefile infra/*/Makefile))
CONTAINERS := $(patsubst %/Makefile,%,$(wildcard containers/*/Makefile))
LABS       := $(patsubst %/Makefile,%,$(wildcard labs/Makefile))
ROOTFS     := baseline/rootfs

each = $(addsuffix .$(1),$(2))

# Directories are told what was built before them, so that they needn't look themselves. The
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
baseline.all: programs $(ROOTFS).all
containers: $(call each,all,$(CONTAINERS))
$(call each,all,$(CONTAINERS)): baseline

# Tests of programs need no image; those of containers run against the built ones. While d's
# wait for their containers, the others run beside them, and are shown afterwards, but for those of
# idmap, which look at whatever container runs. What they build themselves they build without
# podman's cache of steps, which trips over images that somebody else removes meanwhile.
BESIDE := lib $(filter-out infra/d infra/idmap,$(PROGRAMS)) $(ROOTFS)
test: test.together infra/idmap.test tests.run $(call each,test,baseline $(CONTAINERS))
.PHONY: test.together test.beside test.packages
# Packages that tests need and images don't.
test.packages:
	$(Q)sh infra/setup --test -q
test.together: test.packages programs
	$(Q)log=$$(mktemp) beside= && trap 'kill -- $${beside:+-$$beside} 2>/dev/null; rm -f "$$log"' EXIT && \
	trap 'exit 130' INT TERM && { setsid $(MAKE) test.beside >"$$log" 2>&1 & beside=$$!; } && \
	{ status=0; $(MAKE) infra/d.test || status=$$?; wait $$beside || status=$$?; beside=; \
		cat "$$log"; exit $$status; }
test.beside: $(call each,test,$(BESIDE))
$(call each,test,$(PROGRAMS)): lib.all
$(call each,test,baseline $(CONTAINERS)): baseline

# Other people's services, made of Debian's packages: examples to copy, not part of "install"
# and "test". Each in turn, since they fetch.
.PHONY: catalogue
catalogue: baseline
	$(Q)tests/catalogue

# The labs are about what is underneath, not about the images: not part of "test".
.PHONY: labs
labs: $(call each,test,$(LABS))
$(call each,test,$(LABS)): programs
.PHONY: tests.run
tests.run: programs
	$(Q)cd tests && ./run $(notdir $(wildcard tests/*.bats))

# An image is built, tested and promoted, all or nothing, each on its own: as many side by side
# as there are processors. musl comes first, for everything is compiled with it; then the other
# libraries and our programs, and BusyBox beside them; what only toolkit needs comes last.
install:
	$(Q)mkdir -p .cache && : >.cache/shares.new
	$(Q)WHITTLE_SHARES=$(CURDIR)/.cache/shares.new $(MAKE) $(JOBS) images
	$(Q)[ ! -s .cache/shares.new ] || mv .cache/shares.new .cache/shares
IMAGES := $(filter-out containers/toolkit,$(CONTAINERS)) $(filter containers/toolkit,$(CONTAINERS))
.PHONY: images musl $(IMAGES:%=%.promoted) $(IMAGES:%=%.made)
images: $(IMAGES:%=%.promoted)
$(IMAGES:%=%.promoted): %.promoted: baseline %.made
	$(Q)n=2; for i in $(IMAGES); do [ $$i != $* ] || break; n=$$((n + 1)); done; \
		$(MAKE) -C $* all test install $(PROGRAMS_READY) WHITTLE_BASELINE_READY=1 \
		WHITTLE_WHICH="$$n of $(words baseline $(IMAGES))"
# Their tests have the other one for a neighbour.
containers/fim.promoted: containers/hello.promoted
containers/toolkit.promoted: containers/zero.promoted
containers/toolkit.made: baseline
$(IMAGES:%=%.made): %.made: musl
	$(Q)$(MAKE) -C $* sources $(PROGRAMS_READY) WHITTLE_MUSL_READY=1
# A program of ours.
containers/zero.made: lib.all
musl:
	$(Q)mkdir -p third-party/obj && flock third-party/obj $(MAKE) -C third-party musl
lib.all: musl
$(ROOTFS).all: musl

install-tools: $(call each,install-tools,$(PROGRAMS))

clean: $(call each,clean,lib $(PROGRAMS) baseline $(ROOTFS) $(CONTAINERS) $(LABS))
distclean: clean
	$(Q)$(MAKE) -C third-party clean
	$(Q)rm -rf .cache .catalogue

# The programs whose modules depend on each other in one direction, which the objects prove.
LAYERED := infra/d infra/idmap infra/learn infra/page infra/pack baseline/prep services/filewatch services/probe

check: $(call each,check,lib $(PROGRAMS) baseline $(CONTAINERS) $(LABS)) check.layers
	$(Q)tests/lint infra/setup infra/doctor infra/engine infra/fetch infra/image infra/packages \
		infra/new infra/fix infra/send infra/sync infra/explain infra/quietly infra/shown $(wildcard infra/*.d/*) \
		infra/pack/bench infra/pack/reproduce etc/package-note tests/run tests/lint tests/layers \
		tests/with-dockerd tests/in-debian tests/as-user tests/catalogue \
		catalogue/db/files/usr/bin/serve-database $(wildcard catalogue/*/files/prep-local) \
		$(wildcard tests/*.bash tests/*.bats catalogue/*/*.bats)

.PHONY: check.layers
check.layers: lib.all $(call each,all,$(LAYERED))
	$(Q)tests/layers lib $(LAYERED)

bench: bench.shares $(call each,bench,$(PROGRAMS))
# Where the time of the last make install that had something to do went.
.PHONY: bench.shares
bench.shares:
	$(Q)[ ! -s .cache/shares ] || { echo 'seconds of the last make install, by step (steps run side by side):'; \
		sort -rn .cache/shares | awk '{ all += $$1; line[NR] = $$0; s[NR] = $$1 } \
		END { for (i = 1; i <= NR; i++) if (s[i]) printf "%3d %%  %s\n", 100 * s[i] / all, line[i] }'; }
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

# directory.target: that target in that directory. A directory without it says so itself.
RECURSE = $(foreach t,all test install-tools clean check bench fuzz,\
	$(call each,$(t),lib $(PROGRAMS) baseline $(ROOTFS) $(CONTAINERS) $(LABS)))
.PHONY: $(RECURSE)
$(RECURSE):
	$(Q)$(MAKE) -C $(basename $@) $(patsubst .%,%,$(suffix $@)) $(call ready,$(basename $@),$(suffix $@))

# ready(DIRECTORY,.TARGET): what stands when that directory's turn comes.
ready = $(if $(filter .all .test,$(2)),$(if $(filter containers/%,$(1)),$(PROGRAMS_READY) WHITTLE_BASELINE_READY=1,$\
	$(if $(filter baseline,$(1)),$(PROGRAMS_READY) WHITTLE_WHICH="1 of $(words baseline $(IMAGES))",$(if $(filter $(ROOTFS),$(1)),WHITTLE_MUSL_READY=1,$(if $(filter $(PROGRAMS),$(1)),$(LIB_READY))))))

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
	@echo '  bench          the share of each step of make install; each program beside what one'
	@echo '                 would run instead'
	@echo '  reproduce      build everything twice, in two places, and compare'
	@echo '  catalogue      build and test the services in catalogue/, of Debian'"'"'s packages'
	@echo '  labs           what a container is made of: prove every lab'
	@echo '  fuzz           each fuzz target for SECONDS (20)'
	@echo 'Variables, on the command line or in config.mk'
	@echo '  BASE=musl      or alpine: what the baseline is made of'
	@echo '  ENGINE=podman  or docker: default is podman where it is installed'
	@echo '  STRICT=1       install refuses new setuid files, accounts, ports and programs'
	@echo '  SIGN_KEY=FILE  install signs with that key of minisign or signify'
	@echo '  JOBS=-jN       how many compilers at once (one a processor; JOBS= one alone)'
	@echo '  V=1            show whole commands   SAN=1  programs and tests with sanitizers'
	@echo 'In a directory of its own the same words work: cd containers/filewatch && make all test install'
