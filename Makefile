# pgk: README.md says what it is.
#
#	make                 the tools, in build/bin
#	make install         to $(DESTDIR)$(prefix)
#	make check           every test that belongs to a change (12 minutes)
#	make demo            see it work, on a throwaway server
#	make bench           measure it against the usual ways (ROWS=, ROUNDS=)
#	make check-server    the tests that need a server (PG_BIN= chooses it)
#	make check-asan check-layers check-man check-shell check-hardening
#	make fuzz            libFuzzer on every target (clang; FUZZ_TIME= seconds)
#	make deps            install what is missing, by apt
#
# CC, CFLAGS, LDFLAGS, OPT, WERROR, SAN, BUILD may be given. Whatever changes
# the flags rebuilds the objects.

BUILD = build
prefix = /usr/local
DESTDIR =
INSTALL = install

CC = cc
OPT = -O2 -g
WARN = -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wformat=2 -Wno-unknown-warning-option \
	-Wno-format-truncation -Werror=format-security
HARDEN = -fPIE -fstack-protector-strong -fstack-clash-protection \
	-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fno-strict-aliasing
LINK_HARDEN = -pie -Wl,-z,relro,-z,now,-z,noexecstack
WERROR =
SAN =
PG_INCLUDE := $(shell pg_config --includedir 2>/dev/null || \
	echo /usr/include/postgresql)
CFLAGS_ALL = -std=c17 -D_GNU_SOURCE -Ilib $(OPT) $(WARN) \
	$(WERROR) $(HARDEN) $(SAN) -pthread -I$(PG_INCLUDE) $(CFLAGS)
LDFLAGS_ALL = $(LINK_HARDEN) -Wl,--as-needed $(SAN) -pthread $(LDFLAGS)

# foreign libraries, by the room that alone includes them
LIBS_pg = -lpq
LIBS_zst = -lzstd
LIBS_gz = -lz -ldeflate -lisal
LIBS_age = -lsodium
LIBS_repo = -ljansson
LIBS_conf = -linih
LIBS = $(LIBS_pg) $(LIBS_zst) $(LIBS_gz) $(LIBS_age) $(LIBS_repo) $(LIBS_conf)
# and what each is called: header, library, Debian's package
NEEDS = libpq-fe.h:pq:libpq-dev zstd.h:zstd:libzstd-dev zlib.h:z:zlib1g-dev \
	libdeflate.h:deflate:libdeflate-dev isa-l.h:isal:libisal-dev \
	sodium.h:sodium:libsodium-dev jansson.h:jansson:libjansson-dev \
	ini.h:inih:libinih-dev

ROOMS = err log buf fsx unit stop task behind proc progress opt conf lsn \
	sink form gz zst codec age digest sign piece unpack sqltext policy \
	tar page manifest increment wal \
	store repo pg archive dump base receive feed gaps restore recover prune \
	list index cli source
TOOLS = $(basename $(notdir $(wildcard cmd/pgk-*.c)))

SRC = $(wildcard $(addsuffix /*.c,$(addprefix lib/,$(ROOMS))))
OBJ = $(SRC:lib/%.c=$(BUILD)/lib/%.o)
SQL = $(wildcard sql/*.sql)
SQL_OBJ = $(SQL:sql/%.sql=$(BUILD)/sql/%.o)
UNIT = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/lib/*.c))
FUZZ = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/*.c))
TEST_TOOLS = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/tool/*.c))
TESTS = $(wildcard tests/cmd/*.t)

all: $(addprefix $(BUILD)/bin/,$(TOOLS))

$(BUILD)/libpgk.a: $(OBJ) $(SQL_OBJ)
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/lib/%.o: lib/%.c $(BUILD)/flags | $(BUILD)/libraries
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

# sql/NAME.sql becomes the string sql_NAME
$(BUILD)/sql/%.o: sql/%.sql $(BUILD)/flags
	@mkdir -p $(@D)
	@{ printf 'extern const char sql_%s[];\nconst char sql_%s[] =\n' '$*' '$*'; \
	  sed 's/\\/\\\\/g; s/"/\\"/g; s/.*/"&\\n"/' $<; echo ';'; } >$(BUILD)/sql/$*.c
	$(CC) $(CFLAGS_ALL) -c -o $@ $(BUILD)/sql/$*.c

DEP = $(BUILD)/dep/$(subst /,-,$(@:$(BUILD)/%=%)).d
LINK = $(CC) $(CFLAGS_ALL) -Itests -MMD -MP -MF $(DEP) $(LDFLAGS_ALL) -o $@ $<

$(BUILD)/bin/%: cmd/%.c $(BUILD)/libpgk.a
	@mkdir -p $(@D) $(BUILD)/dep
	$(LINK) $(BUILD)/libpgk.a $(LIBS)

$(BUILD)/tests/lib/%: tests/lib/%.c $(BUILD)/libpgk.a
	@mkdir -p $(@D) $(BUILD)/dep
	$(LINK) $(BUILD)/libpgk.a $(LIBS)

# a plain program that replays mutations of its seeds, the same every time
$(BUILD)/tests/fuzz/%: tests/fuzz/%.c $(BUILD)/libpgk.a
	@mkdir -p $(@D) $(BUILD)/dep
	$(LINK) -DFUZZ_REPLAY $(BUILD)/libpgk.a $(LIBS)

$(BUILD)/tests/libfuzzer/%: tests/fuzz/%.c $(BUILD)/libpgk.a
	@mkdir -p $(@D) $(BUILD)/dep
	$(LINK) -fsanitize=fuzzer $(BUILD)/libpgk.a $(LIBS)

$(BUILD)/tests/tool/%: tests/tool/%.c $(BUILD)/libpgk.a
	@mkdir -p $(@D) $(BUILD)/dep
	$(LINK) $(BUILD)/libpgk.a $(LIBS)

-include $(OBJ:.o=.d) $(wildcard $(BUILD)/dep/*.d)

# Rewritten when compiler or flags are others than those it holds; whether
# warnings are errors changes no object.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@flags='$(CC) $(filter-out -Werror,$(CFLAGS_ALL)) $(LDFLAGS_ALL)'; \
	  [ "$$flags" = "$$(cat $@ 2>/dev/null)" ] || echo "$$flags" >$@

# Say at once, and in one go, which libraries are not there.
$(BUILD)/libraries: $(BUILD)/flags
	@missing=; for need in $(NEEDS); do \
	  header=$${need%%:*}; rest=$${need#*:}; \
	  printf '#include <stddef.h>\n#include <stdint.h>\n#include <stdio.h>\n#include <%s>\nint main(void) { return 0; }\n' \
	    "$$header" | $(CC) -I$(PG_INCLUDE) $(CFLAGS) $(LDFLAGS) -x c - \
	    -o $@.out -l"$${rest%%:*}" 2>/dev/null || \
	    missing="$$missing $${rest#*:}"; \
	done; rm -f $@.out; [ -z "$$missing" ] || { \
	  echo "pgk needs libraries that are not installed; on Debian and Ubuntu:" >&2; \
	  echo "    sudo apt-get install$$missing" >&2; \
	  echo "(or: make deps)" >&2; exit 1; }
	@touch $@

FORCE:

deps:
	@tests/sh/deps.sh

SHARE = $(DESTDIR)$(prefix)/share
COMPLETIONS = $(SHARE)/bash-completion/completions
install: all
	$(INSTALL) -d $(DESTDIR)$(prefix)/bin $(COMPLETIONS) $(SHARE)/pgk/sql \
	  $(SHARE)/man/man1 $(SHARE)/man/man5 $(SHARE)/man/man7
	$(INSTALL) $(addprefix $(BUILD)/bin/,$(TOOLS)) $(DESTDIR)$(prefix)/bin
	$(INSTALL) -m 644 $(wildcard man/*.1) $(SHARE)/man/man1
	$(INSTALL) -m 644 $(wildcard man/*.5) $(SHARE)/man/man5
	$(INSTALL) -m 644 $(wildcard man/*.7) $(SHARE)/man/man7
	$(INSTALL) -m 644 $(SQL) $(SHARE)/pgk/sql
	$(INSTALL) -m 644 crontab.example $(wildcard cmd/*.service) $(SHARE)/pgk
	for tool in $(TOOLS); do \
	  $(BUILD)/bin/$$tool --completion bash >$(COMPLETIONS)/$$tool || exit 1; \
	done

uninstall:
	for tool in $(TOOLS); do \
	  rm -f $(DESTDIR)$(prefix)/bin/$$tool $(COMPLETIONS)/$$tool; done
	for page in $(notdir $(wildcard man/*)); do \
	  rm -f $(SHARE)/man/man$${page##*.}/$$page; done
	rm -rf $(SHARE)/pgk

# Tests.
PROVE = PGK_BUILD=$(BUILD) $(if $(PG_BIN),PG_BIN=$(PG_BIN)) prove -j4 --timer -e tests/sh/run.sh
tests: all $(UNIT) $(FUZZ) $(TEST_TOOLS)

check: deps
	@$(MAKE) --no-print-directory prove

prove: tests
	$(PROVE) $(TESTS) $(UNIT) $(FUZZ)

check-lib: $(UNIT) $(FUZZ)
	$(PROVE) $(UNIT) $(FUZZ)

check-server: all $(TEST_TOOLS)
	$(PROVE) $(TESTS)

# crash-*.t are left out: the leak checker cannot work under ptrace
check-asan:
	@PGK_ASAN=1 $(MAKE) --no-print-directory BUILD=build-asan OPT='-O1 -g' \
	  SAN='-fsanitize=address,undefined -fno-sanitize-recover=all' \
	  HARDEN='-fno-omit-frame-pointer -fno-strict-aliasing' LINK_HARDEN= \
	  TESTS='$(filter-out tests/cmd/crash-%,$(TESTS))' \
	  prove

check-layers:
	tests/layers.sh

check-man: all
	tests/man.sh $(addprefix $(BUILD)/bin/,$(TOOLS))

check-shell:
	tests/shell.sh

check-hardening: all
	tests/hardening.sh $(addprefix $(BUILD)/bin/,$(TOOLS))

FUZZ_TIME = 60
fuzz:
	@$(MAKE) --no-print-directory BUILD=build-fuzz CC=clang OPT='-O1 -g' \
	  SAN='-fsanitize=address,undefined,fuzzer-no-link' HARDEN= LINK_HARDEN= \
	  fuzz-run
fuzz-run: $(patsubst tests/fuzz/%.c,$(BUILD)/tests/libfuzzer/%,$(wildcard tests/fuzz/*.c))
	for target in $^; do \
	  mkdir -p $$target.corpus; \
	  $$target -max_total_time=$(FUZZ_TIME) -rss_limit_mb=512 -timeout=5 \
	    $$target.corpus || exit 1; done

demo: deps
	@$(MAKE) --no-print-directory all
	@PGK_BUILD=$(BUILD) tests/demo.sh

ROWS = 6500000
ROUNDS = 3
bench:
	@tests/sh/deps.sh bench
	@why=$$(tests/pg-matrix.sh install pgbackrest 2>&1) || \
	  echo "bench: no newer pgbackrest than the installed one:" \
	  "$$(echo "$$why" | tail -n 1)" >&2
	@$(MAKE) --no-print-directory all
	PGK_BUILD=$(BUILD) tests/bench/run --rows $(ROWS) --rounds $(ROUNDS)

clean:
	rm -rf $(BUILD) build-asan build-clang build-fuzz

.PHONY: all deps install uninstall tests check prove check-lib check-server \
	check-asan check-layers check-man check-shell check-hardening fuzz \
	fuzz-run demo bench clean FORCE
.SECONDARY:
