# SPDX-License-Identifier: Apache-2.0
#
# The only makefile: GNU make 4.3, run from the top of the tree, no recursion
# into folders. Everything that is built lies under $(O); a build with another
# compiler or with sanitizers wants an O of its own.
#
#   make V=1 CC=clang O=build-clang WERROR=1 SAN=address,undefined
#
# CC CFLAGS CPPFLAGS LDFLAGS LDLIBS PKG_CONFIG are the user's: they are added
# after ours and therefore win.

.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := all
MAKEFLAGS += -rR --warn-undefined-variables --no-print-directory

VERSION := 0.1.0

comma := ,
empty :=

ifneq ($(filter default undefined,$(origin CC)),)
CC := gcc
endif
ifneq ($(filter default undefined,$(origin AR)),)
AR := ar
endif
CFLAGS     ?=
CPPFLAGS   ?=
LDFLAGS    ?=
LDLIBS     ?=
DESTDIR    ?=
CLANG      ?= clang
NM         ?= nm
GCOV       ?= gcov
INSTALL    ?= install
PKG_CONFIG ?= pkg-config
NANOPB_GENERATOR ?= nanopb_generator.py

V         ?=
SAN       ?=
WERROR    ?=
FUZZER    ?=
COVER     ?=
FUZZ_TIME ?= 60

O ?= build$(if $(SAN),-$(subst $(comma),-,$(SAN)))

prefix  ?= /usr/local
bindir  ?= $(prefix)/bin
mandir  ?= $(prefix)/share/man
docdir  ?= $(prefix)/share/doc/chock

Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' '$(1)' '$(2)')

# --- what others provide -----------------------------------------------------
# One question for all packages. What is missing is reported when something is
# about to be compiled, so that help, clean and the installing targets work on
# a machine that has nothing yet.

PKGS := libevent_core libcjson inih
DEB_libevent_core := libevent-dev
DEB_libcjson      := libcjson-dev
DEB_inih          := libinih-dev

PKG_MISSING := $(shell for p in $(PKGS); do \
	$(PKG_CONFIG) --exists $$p 2>/dev/null || echo $$p; done)
PKG_CFLAGS := $(if $(PKG_MISSING),,$(shell $(PKG_CONFIG) --cflags $(PKGS)))
PKG_LIBS   := $(if $(PKG_MISSING),,$(shell $(PKG_CONFIG) --libs $(PKGS)))

# --- flags -------------------------------------------------------------------

# Called with a list of flags: those the compiler takes.
probe = $(shell for f in $(1); do \
	$(CC) -Werror $$f -E -x c /dev/null >/dev/null 2>&1 && echo $$f; done)

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wwrite-strings -Wcast-qual -Wpointer-arith \
	-Wundef -Wvla -Wformat=2 -Wconversion -Wsign-conversion \
	-Wswitch-enum -Woverride-init -Wnull-dereference -Walloca \
	-Wdate-time -Wredundant-decls
WARNINGS += $(call probe,-Wlogical-op -Wduplicated-cond \
	-Wduplicated-branches -Wformat-signedness -Wformat-overflow=2 \
	-Wimplicit-fallthrough=5 -Wjump-misses-init -Warith-conversion \
	-Wcast-align=strict -Wuse-after-free=3)
WARNINGS += $(if $(WERROR),-Werror)

HARDEN := -fstack-protector-strong -fPIE
HARDEN += $(call probe,-fstack-clash-protection -fcf-protection \
	-ftrivial-auto-var-init=zero)
# Fortified functions hide overruns from the sanitizers.
FORTIFY := $(if $(SAN)$(FUZZER)$(COVER),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)

SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all \
	-fno-omit-frame-pointer)
SANFLAGS += $(if $(FUZZER),-fsanitize=fuzzer-no-link)
SANFLAGS += $(if $(COVER),--coverage -fprofile-abs-path)

OPT := $(if $(COVER),-O0,-O2) -g

STD     := -std=gnu17
STD_FSM := -std=c17 -pedantic-errors

# Generated headers come in as system headers: they are not ours to warn about.
# PB_ENABLE_MALLOC is how Debian's nanopb runtime was built.
OUR_CPPFLAGS := -D_GNU_SOURCE -I. -isystem $(O)/gen -DPB_ENABLE_MALLOC=1 \
	-DCHOCK_VERSION='"$(VERSION)"' $(PKG_CFLAGS) $(FORTIFY)
OUR_CFLAGS := $(OPT) -fno-common -ffunction-sections -fdata-sections \
	$(HARDEN) $(SANFLAGS)
OUR_LDFLAGS := -pie -Wl,--as-needed -Wl,--gc-sections \
	-Wl,-z,relro,-z,now,-z,noexecstack $(SANFLAGS)
# libevent and libmd go in statically: a node runs a shim for each pod, and every
# shared object costs each of them private pages and time at its start.
OUR_LDLIBS := $(subst -levent_core,-l:libevent_core.a,\
		$(subst -linih,-l:libinih.a,$(PKG_LIBS))) \
	-lprotobuf-nanopb -l:libmd.a

# -MD, not -MMD: the generated headers pose as system headers.
compile = $(CC) $(1) $(2) $(OUR_CPPFLAGS) $(OUR_CFLAGS) $(CPPFLAGS) $(CFLAGS) \
	-MD -MP -MT $@ -MF $(@:.o=.d) -c -o $@ $<
link = $(CC) $(OUR_CFLAGS) $(CFLAGS) $(OUR_LDFLAGS) $(LDFLAGS) -o $@ $(1) \
	$(OUR_LDLIBS) $(LDLIBS)

# --- sources -----------------------------------------------------------------
# Files are found, not listed: whoever adds one need not touch this file.

LIBS  := shim ipc oci cgroups fsm base
MAINS := shim/main.c shim/chockctl.c

src = $(sort $(wildcard $(1)/*.c))
obj = $(patsubst %.c,$(O)/obj/%.o,$(1))

PROTO   := $(sort $(wildcard ipc/proto/*.proto))
PB_H    := $(PROTO:%.proto=$(O)/gen/%.pb.h)
PB_OBJ  := $(PROTO:%.proto=$(O)/obj/gen/%.pb.o)

OBJ_shim    := $(call obj,$(filter-out $(MAINS),$(call src,shim)))
OBJ_ipc     := $(call obj,$(call src,ipc)) $(PB_OBJ)
OBJ_oci     := $(call obj,$(call src,oci))
OBJ_cgroups := $(call obj,$(call src,cgroups))
OBJ_fsm     := $(call obj,$(call src,fsm))
OBJ_base    := $(call obj,$(call src,base))

# In link order: users first.
ARCHIVES := $(LIBS:%=$(O)/lib%.a)

SHIM     := $(O)/containerd-shim-chock-v1
CHOCKCTL := $(O)/chockctl
PROGRAMS := $(if $(wildcard shim/main.c),$(SHIM)) \
	$(if $(wildcard shim/chockctl.c),$(CHOCKCTL))

UNIT_TESTS := $(patsubst %.c,$(O)/%,$(call src,test/unit))
FSM_TESTS  := $(patsubst %.c,$(O)/%,$(call src,test/fsm))
FSM_MUTANTS := $(O)/test/fsm/mutants
FUZZERS    := $(patsubst %.c,$(O)/%,$(sort $(wildcard test/fuzz/fuzz_*.c)))
# A tool is one file linked with everything, or a folder of files linked with
# what is listed here; preload/ holds shared objects.
TOOL_LIBS_fake-runtime := base
TOOL_LIBS_bench := ipc base
TOOL_DIRS  := $(filter-out preload,$(patsubst test/tool/%/,%,\
	$(sort $(dir $(wildcard test/tool/*/*.c)))))
TOOLS      := $(patsubst %.c,$(O)/%,$(call src,test/tool)) \
	$(TOOL_DIRS:%=$(O)/test/tool/%)
PRELOADS   := $(patsubst %.c,$(O)/%.so,$(call src,test/tool/preload))

.PHONY: all tests FORCE
all: $(PROGRAMS) $(ARCHIVES) ## build the programs

tests: all $(UNIT_TESTS) $(FSM_TESTS) $(TOOLS) $(PRELOADS) ## build the tests

# --- stamps ------------------------------------------------------------------
# Touched only when their text changes: other flags rebuild everything, another
# list of files rebuilds the archives.

STAMP_FLAGS = $(shell $(CC) --version 2>&1 | head -n 1) $(WARNINGS) $(STD) \
	$(STD_FSM) $(OUR_CPPFLAGS) $(OUR_CFLAGS) $(CPPFLAGS) $(CFLAGS) \
	$(OUR_LDFLAGS) $(LDFLAGS) $(OUR_LDLIBS) $(LDLIBS)
STAMP_FILES = $(foreach l,$(LIBS),$(OBJ_$(l)))

quote = '$(subst ','\'',$(1))'
restamp = @mkdir -p $(@D); printf '%s\n' $(call quote,$(1)) >$@.new; \
	if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

$(O)/.flags: FORCE
	@for p in $(foreach p,$(PKG_MISSING),$(DEB_$(p))); do \
		echo "missing Debian package: $$p (or run test/deps.sh build)"; \
	done >&2; test -z "$(PKG_MISSING)"
	$(call restamp,$(STAMP_FLAGS))

$(O)/.files: FORCE
	$(call restamp,$(STAMP_FILES))

# --- rules -------------------------------------------------------------------

# "private", or the value would reach the stamp and rebuild everything.
$(O)/obj/fsm/%.o: private STD := $(STD_FSM)

$(O)/obj/%.o: %.c $(O)/.flags | $(PB_H)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(call compile,$(STD),$(WARNINGS))

$(O)/obj/gen/%.o: $(O)/gen/%.c $(O)/.flags | $(PB_H)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(call compile,$(STD),-w)

# Every .proto is a prerequisite of every output, for they import one another.
$(O)/gen/%.pb.c $(O)/gen/%.pb.h: %.proto $(PROTO) $(wildcard ipc/proto/*.options)
	$(call say,NANOPB,$<)
	@mkdir -p $(O)/gen
	@command -v $(NANOPB_GENERATOR) >/dev/null || { echo \
		"missing Debian package: nanopb (or run test/deps.sh build)" >&2; \
		exit 1; }
	$(Q)$(NANOPB_GENERATOR) -q -I . -D $(O)/gen $<

define archive
$(O)/lib$(1).a: $$(OBJ_$(1)) $(O)/.files
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && $(AR) rcs $$@ $$(OBJ_$(1))
endef
$(foreach l,$(LIBS),$(eval $(call archive,$(l))))

$(SHIM): $(O)/obj/shim/main.o $(ARCHIVES)
	$(call say,LINK,$@)
	$(Q)$(call link,$^)

$(CHOCKCTL): $(O)/obj/shim/chockctl.o $(ARCHIVES)
	$(call say,LINK,$@)
	$(Q)$(call link,$^)

# The tests of a folder are linked with what that folder may use, no more. One
# that replaces functions says so in its opening comment, in a line
# " * link: -Wl,--wrap=waitid".
define unit_test
$(O)/test/unit/$(1)_%: $(O)/obj/test/unit/$(1)_%.o $(2:%=$(O)/lib%.a)
	$$(call say,LINK,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(call link,$$(shell sed -n 's/^ \* link: //p' \
		test/unit/$(1)_$$*.c) $$^ -lcmocka)
endef
$(foreach l,base fsm,$(eval $(call unit_test,$(l),$(l))))
$(foreach l,ipc oci cgroups,$(eval $(call unit_test,$(l),$(l) base)))
$(eval $(call unit_test,shim,$(LIBS)))

$(O)/test/fsm/%: $(O)/obj/test/fsm/%.o \
		$(call obj,$(call src,test/fsm/model)) $(O)/libfsm.a
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(call link,$^)

$(O)/test/fuzz/%: $(O)/obj/test/fuzz/%.o $(ARCHIVES)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(call link,-fsanitize=fuzzer $^)

$(O)/test/tool/%: $(O)/obj/test/tool/%.o $(ARCHIVES)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(call link,$^)

# It must work while the rest of the tree does not.
$(O)/test/tool/fsm-doc: $(O)/obj/test/tool/fsm-doc.o $(O)/libfsm.a
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(call link,$^)

define tool_dir
$(O)/test/tool/$(1): $(call obj,$(call src,test/tool/$(1))) \
		$(TOOL_LIBS_$(1):%=$(O)/lib%.a)
	$$(call say,LINK,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(call link,$$^)
endef
$(foreach t,$(TOOL_DIRS),$(eval $(call tool_dir,$(t))))

# Preloaded into programs that may or may not be sanitized: no sanitizer here.
$(O)/test/tool/preload/%.so: test/tool/preload/%.c $(O)/.flags
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(STD) $(WARNINGS) -D_GNU_SOURCE -I. -O2 -g -fPIC -shared \
		$(CFLAGS) -o $@ $<

# Make would otherwise delete what it reached through two rules.
.SECONDARY:

# --- checks ------------------------------------------------------------------
# A suite is three words for test/summary: how its results are counted, its
# name, its command. A suite whose files are not there is left out.

SUITE_ENV = O=$(O) CHOCK_SHIM=$(SHIM) CHOCKCTL=$(CHOCKCTL)
VALGRIND  := valgrind -q --error-exitcode=99 --leak-check=full \
	--show-leak-kinds=definite --errors-for-leak-kinds=definite

SUITE_unit     = $(foreach t,$(UNIT_TESTS),cases $(t:$(O)/test/%=%) $(t))
SUITE_valgrind = $(foreach t,$(UNIT_TESTS),cases \
	valgrind/$(notdir $(t)) "$(VALGRIND) $(t)")
SUITE_explore  = $(foreach t,$(filter-out $(FSM_MUTANTS),$(FSM_TESTS)),\
	cases $(t:$(O)/test/%=%) $(t))
SUITE_mutants  = cases mutants $(FSM_MUTANTS)
SUITE_replay = $(if $(wildcard shim/chockctl.c),$(call script,replay,test/replay/run))
SUITE_purity   = one purity test/lint/purity
SUITE_shim     = $(if $(wildcard shim/main.c),\
	$(call script,shim,test/shim/run))
SUITE_sys      = $(if $(wildcard shim/main.c),\
	$(call script,sys,test/sys/run,--all))
SUITE_cri      = $(if $(wildcard shim/main.c),\
	$(call script,cri,test/cri/run,--all))
SUITE_docker   = $(if $(wildcard shim/main.c),\
	$(call script,docker,test/docker/run,--all))
SUITE_gvisor   = $(if $(wildcard shim/main.c),\
	$(call script,gvisor,test/gvisor/run,--all))
SUITE_vm       = $(if $(wildcard shim/main.c),\
	$(call script,vm,test/vm/run))
script = $(if $(wildcard $(2)),cases $(1) "$(strip $(2) $(3))")

ALL_SUITES := unit explore mutants replay purity shim sys cri docker \
	gvisor vm
run_suites = $(SUITE_ENV) test/summary $(foreach s,$(1),$(SUITE_$(s)))

.PHONY: check check-all check-suites check-unit check-explore check-mutants \
	check-replay check-purity check-shim check-sys check-cri \
	check-docker check-gvisor check-vm check-asan check-valgrind \
	tests-asan demo bench bench-pods fuzz fuzzers run-fuzzers cover

# The second make sees what the first command may have installed.
check: ## install what is missing, build, run every test
	@test/deps.sh build test sys docker gvisor vm
	@+$(MAKE) check-all

check-all: tests tests-asan
	@$(SUITE_ENV) test/summary $(foreach s,$(ALL_SUITES),$(SUITE_$(s))) \
		cases asan "$(MAKE) check-asan" \
		cases valgrind "$(MAKE) check-valgrind"

SUITES ?=
check-suites: tests
	@$(call run_suites,$(SUITES))

check-unit: $(UNIT_TESTS) ## one program for each module
	@$(call run_suites,unit)

check-explore: $(FSM_TESTS) ## walk through all states of the machines
	@$(call run_suites,explore)

check-mutants: $(FSM_MUTANTS) ## every wrong row of the tables must be noticed
	@$(call run_suites,mutants)

check-replay: all ## step the machines through recorded runs
	@$(call run_suites,replay)

check-purity: $(O)/libfsm.a ## the machines import nothing
	@$(call run_suites,purity)

check-shim: tests ## the shim against a containerd and a runtime of our own
	@$(call run_suites,shim)

check-sys: tests ## the shim under real containerd with real runtimes
	@$(call run_suites,sys)

check-vm: tests ## the same on cgroup2 with systemd, in virtual machines
	@$(call run_suites,vm)

check-cri: tests ## the shim under the CRI plugin of real containerd
	@$(call run_suites,cri)

check-docker: tests ## the shim under real dockerd
	@$(call run_suites,docker)

check-gvisor: tests ## the shim under real containerd with gVisor's runsc
	@$(call run_suites,gvisor)

ASAN := O=$(O)-asan SAN=address,undefined
tests-asan:
	@+$(MAKE) $(ASAN) tests

check-asan: ## unit and shim tests under ASan and UBSan
	@+$(MAKE) $(ASAN) SUITES='unit shim' check-suites

# A test that cannot work there skips itself when CHOCK_VALGRIND is set.
check-valgrind: $(UNIT_TESTS) ## unit tests under valgrind
	@CHOCK_VALGRIND=1 CHOCK_SUITE_SECONDS=180 $(call run_suites,valgrind)

demo: ## install what is missing, build, show the shim at work
	@test/deps.sh build sys
	@+$(MAKE) all
	@$(SUITE_ENV) test/demo.sh

bench: tests ## compare with Debian's shim
	@$(SUITE_ENV) test/bench/run

bench-pods: all ## compare with Debian's shim: memory of 100 pods
	@$(SUITE_ENV) test/bench/pods

fuzz: ## run every fuzzer for FUZZ_TIME seconds, two at a time
	@+$(MAKE) O=$(O)-fuzz CC=$(CLANG) SAN=address,undefined FUZZER=1 \
		run-fuzzers

fuzzers: $(FUZZERS)

run-fuzzers: fuzzers
	@FUZZ_TIME=$(FUZZ_TIME) test/summary cases fuzz \
		"test/fuzz/run $(FUZZERS)"

cover: ## line coverage of the unit and shim tests, by file
	@+$(MAKE) O=$(O)-cover COVER=1 SUITES='unit shim' check-suites
	@GCOV=$(GCOV) test/lint/cover $(O)-cover

# --- lint --------------------------------------------------------------------

LINTS := format-check check-layers check-headers check-sizes check-text \
	check-fsm-doc cppcheck tidy shellcheck mandoc codespell
.PHONY: lint format fsm-doc $(LINTS)

lint: $(LINTS) ## all static checks

files = test/lint/files $(1)

format: ## lay out all C sources
	@$(call files,'*.c' '*.h') | xargs clang-format -i

format-check: ## are all C sources laid out?
	@$(call files,'*.c' '*.h') | xargs clang-format --dry-run -Werror

check-layers: ## the arrows between folders
	@test/lint/layers

check-headers: $(PB_H) ## each header compiles alone
	@$(call files,'*.h') | xargs -n 4 -P 2 test/lint/headers \
		$(CC) $(STD) $(OUR_CPPFLAGS) $(WARNINGS) -Werror

check-sizes: ## lengths of files and functions
	@test/lint/sizes

check-text: ## words and endings that do not belong here
	@test/lint/text

cppcheck: $(PB_H) ## cppcheck
	@cppcheck -j 2 -q --error-exitcode=1 --inline-suppr \
		--enable=warning,performance,portability --std=c11 \
		--suppressions-list=test/lint/cppcheck.txt -D_GNU_SOURCE \
		-DPB_ENABLE_MALLOC -DPB_PROTO_HEADER_VERSION=40 \
		-DCHOCK_VERSION='""' -I. -I$(O)/gen \
		$$($(call files,'*.c'))

tidy: $(PB_H) ## clang-tidy
	@$(call files,'*.c') | O=$(O) xargs -n 4 -P 2 test/lint/tidy \
		$(STD) $(OUR_CPPFLAGS)

shellcheck: ## shellcheck
	@test/lint/files --shell | xargs -r shellcheck -x -S warning

mandoc: ## manual pages
	@for f in $(call src_man); do mandoc -T lint -W warning $$f || exit 1; done

codespell: ## spelling
	@test/lint/files '*' | xargs codespell -q 3 \
		-I test/lint/codespell.txt

# test/tool/fsm-doc DIR writes STATES.md and the graphs into DIR.
FSM_DOC := $(if $(wildcard test/tool/fsm-doc.c),$(O)/test/tool/fsm-doc)

fsm-doc: $(FSM_DOC) ## write fsm/STATES.md and the graphs from the tables
	@$(if $(FSM_DOC),$(FSM_DOC) fsm)

check-fsm-doc: $(FSM_DOC) ## are they up to date?
	@mkdir -p $(O)/fsm-doc
	@$(if $(FSM_DOC),$(FSM_DOC) $(O)/fsm-doc)
	@for f in $$(ls $(O)/fsm-doc); do \
		diff -u fsm/$$f $(O)/fsm-doc/$$f || exit 1; done

# --- install -----------------------------------------------------------------
# There is no .pc file, for no library is installed. One list for both targets:
# mode:file:where to. containerd looks for its shims in its own PATH.

src_man := $(sort $(wildcard docs/*.[158]))
INSTALLED := $(foreach p,$(PROGRAMS),755:$(p):$(bindir)/$(notdir $(p)))
INSTALLED += $(foreach m,$(src_man),\
	644:$(m):$(mandir)/man$(subst .,,$(suffix $(m)))/$(notdir $(m)))
INSTALLED += $(foreach d,$(wildcard README.md NEWS LICENSE \
	docs/*.md fsm/STATES.md contrib/containerd/* \
	contrib/chock/*),\
	644:$(d):$(docdir)/$(notdir $(d)))
UNITS := $(wildcard contrib/systemd/*.service contrib/systemd/*.socket)
ifneq ($(UNITS),)
systemdsystemunitdir ?= $(shell $(PKG_CONFIG) \
	--variable=systemdsystemunitdir systemd 2>/dev/null || \
	echo $(prefix)/lib/systemd/system)
INSTALLED += $(foreach u,$(UNITS),\
	644:$(u):$(systemdsystemunitdir)/$(notdir $(u)))
endif

.PHONY: install install-strip uninstall dist clean help deps
word3 = $(word $(2),$(subst :, ,$(1)))

INSTALL_FLAGS ?=
install: all ## install under DESTDIR and prefix
	$(foreach i,$(INSTALLED),$(Q)$(INSTALL) -D \
		$(if $(filter 755:%,$(i)),$(INSTALL_FLAGS)) \
		-m $(call word3,$(i),1) $(call word3,$(i),2) \
		'$(DESTDIR)$(call word3,$(i),3)'$(newline))

install-strip: ## the same without debugging symbols
	@+$(MAKE) INSTALL_FLAGS=-s install

uninstall: ## remove exactly what install put there
	$(foreach i,$(INSTALLED),$(Q)rm -f \
		'$(DESTDIR)$(call word3,$(i),3)'$(newline))
	-$(Q)rmdir '$(DESTDIR)$(docdir)' 2>/dev/null

define newline


endef

dist: ## make an archive of the last commit
	@mkdir -p $(O)
	$(Q)git archive --prefix=chock-$(VERSION)/ HEAD | \
		gzip -n9 >$(O)/chock-$(VERSION).tar.gz

deps: ## install all Debian packages that building and testing need
	@test/deps.sh

clean: ## remove this build and those derived from it
	rm -rf $(O) $(addprefix $(O)-,asan clang cover fuzz)

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^=#]*## \(.*\)/\1\t\2/p' Makefile | sort | \
		while IFS="$$(printf '\t')" read -r target text; do \
			printf '  %-15s %s\n' "$$target" "$$text"; done

-include $(shell find $(O)/obj -name '*.d' 2>/dev/null)
