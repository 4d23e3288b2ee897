# pgk: make, make install, make check, make demo, make bench; README.md says what for.

BUILD = build
prefix = /usr/local
DESTDIR =

CC = cc
OPT = -O2 -g
WARN = -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wformat=2 -Wno-format-truncation -Werror=format-security
HARDEN = -fPIE -fstack-protector-strong -fstack-clash-protection \
	-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fno-strict-aliasing
LINK_HARDEN = -pie -Wl,-z,relro,-z,now,-z,noexecstack
WERROR =
SAN =
CFLAGS_ALL = -std=c17 -D_GNU_SOURCE -Ilib -I$(BUILD) $(OPT) $(WARN) \
	$(WERROR) $(HARDEN) $(SAN) -pthread \
	-I$(shell pg_config --includedir 2>/dev/null || echo /usr/include/postgresql) $(CFLAGS)
LDFLAGS_ALL = $(LINK_HARDEN) $(SAN) -pthread $(LDFLAGS)

# foreign libraries, by the room that alone includes them
LIBS_pg = -lpq
LIBS_zst = -lzstd
LIBS_gz = -lz -ldeflate -lisal
LIBS_age = -lsodium
LIBS_repo = -ljansson
LIBS_conf = -linih
LIBS = $(LIBS_pg) $(LIBS_zst) $(LIBS_gz) $(LIBS_age) $(LIBS_repo) $(LIBS_conf)

ROOMS = err log buf fsx unit stop task proc progress opt conf \
	sink gz zst codec age digest sign piece unpack sqltext \
	store repo pg dump restore prune cli source
TOOLS = $(basename $(notdir $(wildcard cmd/pgk-*.c)))

SRC = $(wildcard $(addsuffix /*.c,$(addprefix lib/,$(ROOMS))))
OBJ = $(SRC:lib/%.c=$(BUILD)/lib/%.o)
SQL = $(wildcard sql/*.sql)
SQL_OBJ = $(SQL:sql/%.sql=$(BUILD)/sql/%.o)
UNIT = $(basename $(notdir $(wildcard tests/lib/*.c)))
TEST_TOOLS = $(basename $(notdir $(wildcard tests/tool/*.c)))
FUZZ = $(basename $(notdir $(wildcard tests/fuzz/*.c)))

all: $(addprefix $(BUILD)/bin/,$(TOOLS))

$(BUILD)/libpgk.a: $(OBJ) $(SQL_OBJ)
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/lib/%.o: lib/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

# sql/NAME.sql becomes the string sql_NAME
$(BUILD)/sql/%.o: sql/%.sql
	@mkdir -p $(@D)
	{ printf 'extern const char sql_%s[];\nconst char sql_%s[] =\n' '$*' '$*'; \
	  sed 's/\\/\\\\/g; s/"/\\"/g; s/.*/"&\\n"/' $<; echo ';'; } >$(BUILD)/sql/$*.c
	$(CC) $(CFLAGS_ALL) -c -o $@ $(BUILD)/sql/$*.c

$(BUILD)/bin/%: cmd/%.c $(BUILD)/libpgk.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -MMD -MP -MF $@.d $(LDFLAGS_ALL) -o $@ $< $(BUILD)/libpgk.a $(LIBS)

$(BUILD)/tests/lib/%: tests/lib/%.c tests/tap.h $(BUILD)/libpgk.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -Itests -MMD -MP -MF $@.d $(LDFLAGS_ALL) -o $@ $< $(BUILD)/libpgk.a $(LIBS)

$(BUILD)/tests/tool/%: tests/tool/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $<

# fuzz targets: a plain binary that replays its corpus; with clang also libFuzzer
$(BUILD)/tests/fuzz/%: tests/fuzz/%.c $(BUILD)/libpgk.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -Itests -DFUZZ_REPLAY $(LDFLAGS_ALL) -o $@ $< $(BUILD)/libpgk.a $(LIBS)

-include $(OBJ:.o=.d) $(wildcard $(BUILD)/bin/*.d $(BUILD)/tests/lib/*.d)

clean:
	rm -rf $(BUILD)

.PHONY: all clean
.SECONDARY:
