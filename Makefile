# SPDX-License-Identifier: GPL-2.0-only
#
# make            build            make up      a network in seconds
# make check      every test       make demo    a real guest fetches a page
# make check-unit no root, quick   make bench   against nft, in one run
# make fuzz       FUZZ_S seconds    make soak     an hour of kills
# make check-kernels  every compiler on every kernel
# make install    DESTDIR, PREFIX  make clean

BUILD	?= build
PREFIX	?= /usr/local
CLANG	?= clang
BPFTOOL	?= $(firstword $(wildcard /usr/sbin/bpftool /usr/local/sbin/bpftool) bpftool)
VERSION	:= 0.1

PKGS	 = libbpf libnl-3.0 libnl-route-3.0 libcyaml yaml-0.1 jansson libsystemd sqlite3 libxdp
# Only looked up once the libraries are there: `make deps` must work without.
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS))
PKG_LIBS   = $(shell pkg-config --libs $(PKGS))

WARN	= -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wno-unused-parameter
CFLAGS	?= -O2 -g
CPPFLAGS_ALL = -D_GNU_SOURCE -DCULVERT_VERSION='"$(VERSION)"' -Iinclude -I$(BUILD) -Iuser $(PKG_CFLAGS)
CFLAGS_ALL = -std=gnu11 $(WARN) -D_FORTIFY_SOURCE=2 -fstack-protector-strong $(CFLAGS) $(CPPFLAGS_ALL)
SANITIZE = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
# The architecture is named for libc headers that some uapi headers include.
BPF_CFLAGS = -target bpf -D__$(shell uname -m)__ -mcpu=v3 -O2 -g -Wall -Wextra -Wno-unused-parameter -Werror \
	     -Iinclude -I/usr/include/$(shell uname -m)-linux-gnu

SRC	:= $(wildcard user/*.c)
OBJ	= $(SRC:user/%.c=$(BUILD)/user/%.o)
MAN	= $(patsubst docs/%.scd,$(BUILD)/man/%,$(wildcard docs/*.scd))

all: $(BUILD)/culvert $(MAN)

# --- datapath
$(BUILD)/culvert.bpf.o: $(wildcard bpf/*.[ch]) $(wildcard include/culvert/*.h) | $(BUILD)
	@echo "  BPF   $@"
	@$(CLANG) $(BPF_CFLAGS) -c bpf/culvert.bpf.c -o $@.tmp
	@llvm-strip -g $@.tmp && mv $@.tmp $@

$(BUILD)/culvert.skel.h: $(BUILD)/culvert.bpf.o
	@echo "  SKEL  $@"
	@$(BPFTOOL) gen skeleton $< name culvert_bpf > $@.tmp && mv $@.tmp $@

# --- user space
$(BUILD)/user/%.o: user/%.c | $(BUILD)/culvert.skel.h $(BUILD)/user
	@echo "  CC    $@"
	@$(CC) $(CFLAGS_ALL) -MMD -MP -c $< -o $@

# datapath.o holds the skeleton: a new program is a new object
$(BUILD)/user/datapath.o $(BUILD)/asan/datapath.o: $(BUILD)/culvert.skel.h

$(BUILD)/culvert: $(OBJ)
	@echo "  LD    $@"
	@$(CC) $(CFLAGS) -o $@ $(OBJ) $(PKG_LIBS)

# --- the same under sanitizers: what the unit tests link, and a second binary
ASAN_OBJ = $(SRC:user/%.c=$(BUILD)/asan/%.o)
$(BUILD)/asan/%.o: user/%.c | $(BUILD)/culvert.skel.h $(BUILD)/asan
	@$(CC) -std=gnu11 $(WARN) $(SANITIZE) $(CPPFLAGS_ALL) -MMD -MP -c $< -o $@

$(BUILD)/culvert-asan: $(ASAN_OBJ)
	@echo "  LD    $@"
	@$(CC) $(SANITIZE) -o $@ $(ASAN_OBJ) $(PKG_LIBS)

UNIT	= $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/test_*.c))
# An archive, so that a test may bring its own of a layer below (fake_tables.h).
$(BUILD)/asan/libculvert.a: $(filter-out $(BUILD)/asan/main.o,$(ASAN_OBJ))
	@rm -f $@ && $(AR) rc $@ $^

$(BUILD)/unit/%: tests/unit/%.c $(wildcard tests/unit/*.h) $(BUILD)/asan/libculvert.a | $(BUILD)/unit
	@echo "  CC    $@"
	@$(CC) -std=gnu11 $(WARN) $(SANITIZE) $(CPPFLAGS_ALL) -o $@ $< $(BUILD)/asan/libculvert.a $(PKG_LIBS) -lcmocka

# --- fuzzing: the half of DHCP that knows no kernel, by clang, whose libFuzzer it is;
# with tables small enough to be made anew for each input, and to be full at times
FUZZ_SIZES = -DLEASE_INDEX_SIZE=256 -DFAKE_LEASES=64
FUZZ_MSG = user/dhcp_msg.c user/dhcp_build.c user/dhcp_choose.c user/dhcp_options.c user/dhcp_set.c user/dhcp_boot.c
FUZZ_SERVER = $(FUZZ_MSG) user/dhcp_server.c user/dhcp_relay.c user/dhcp_profile.c user/dhcp_leases.c user/dhcp_leases_change.c user/dhcp_leases_rows.c user/dhcp_scan.c user/lease.c
$(BUILD)/fuzz/fuzz_dhcp: FUZZ_SRC = $(FUZZ_MSG)
$(BUILD)/fuzz/fuzz_dhcp_server: FUZZ_SRC = $(FUZZ_SERVER)
$(BUILD)/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(FUZZ_SERVER) $(wildcard user/*.h include/culvert/*.h) tests/unit/fake_tables.h tests/fuzz/fake_store.h | $(BUILD)/fuzz
	@echo "  CC    $@"
	@$(CLANG) -std=gnu11 $(WARN) $(SANITIZE) -fsanitize=fuzzer -O2 $(CPPFLAGS_ALL) $(FUZZ_SIZES) -Itests/unit -o $@ $< $(FUZZ_SRC)

FUZZ	= $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
# Where clang is without it, the tests say so.
HAS_LIBFUZZER = $(shell echo 'int LLVMFuzzerTestOneInput(const char *p, unsigned long n) { return 0; }' | \
	$(CLANG) -xc - -fsanitize=fuzzer,address,undefined -o /dev/null 2>/dev/null && echo yes)

fuzz: $(FUZZ)
	@tests/fuzz/run

# --- packet tables; what is no test_*.c is shared by all of them
BPFTEST	= $(patsubst tests/bpf/%.c,$(BUILD)/bpftest/%,$(wildcard tests/bpf/test_*.c))
BPFTEST_OBJ = $(patsubst tests/bpf/%.c,$(BUILD)/bpftest/%.o,$(filter-out tests/bpf/test_%,$(wildcard tests/bpf/*.c))) \
	      $(filter-out $(BUILD)/user/main.o,$(OBJ))
# test_model drives the datapath beside a naive one
MODEL_OBJ = $(patsubst tests/model/%.c,$(BUILD)/bpftest/%.o,$(wildcard tests/model/*.c))
$(BUILD)/bpftest/nat_%.o: tests/model/nat_%.c $(wildcard tests/model/*.h tests/bpf/*.h include/culvert/*.h) | $(BUILD)/culvert.skel.h $(BUILD)/bpftest
	@echo "  CC    $@"
	@$(CC) $(CFLAGS_ALL) -Itests/bpf -Itests/model -c -o $@ $<

$(BUILD)/bpftest/test_model: $(MODEL_OBJ)
$(BUILD)/bpftest/test_model: BPFTEST_MORE = -Itests/model $(MODEL_OBJ)

$(BUILD)/bpftest/%.o: tests/bpf/%.c $(wildcard tests/bpf/*.h include/culvert/*.h) | $(BUILD)/culvert.skel.h $(BUILD)/bpftest
	@echo "  CC    $@"
	@$(CC) $(CFLAGS_ALL) -Itests/bpf -c -o $@ $<

# load.o holds the skeleton
$(BUILD)/bpftest/load.o: $(BUILD)/culvert.skel.h
.SECONDARY: $(BPFTEST_OBJ) $(MODEL_OBJ)

$(BUILD)/bpftest/%: tests/bpf/%.c $(wildcard tests/bpf/*.h include/culvert/*.h) $(BPFTEST_OBJ) | $(BUILD)/bpftest
	@echo "  CC    $@"
	@$(CC) $(CFLAGS_ALL) -Itests/bpf $(BPFTEST_MORE) -o $@ $< $(BPFTEST_OBJ) $(PKG_LIBS)

# --- tools of the tests and the bench
TOOLS	= $(patsubst tools/%.c,$(BUILD)/%,$(wildcard tools/*.c)) $(patsubst tools/bench/%.c,$(BUILD)/%,$(wildcard tools/bench/bench*.c))
$(BUILD)/%: tools/%.c $(wildcard tools/*.h) | $(BUILD)
	@echo "  CC    $@"
	@$(CC) $(CFLAGS_ALL) -o $@ $<

-include $(wildcard $(BUILD)/*/*.d tools/bench/*.mk)

$(BUILD) $(BUILD)/user $(BUILD)/asan $(BUILD)/unit $(BUILD)/bpftest $(BUILD)/man $(BUILD)/fuzz:
	@mkdir -p $@

$(BUILD)/man/%: docs/%.scd | $(BUILD)/man
	@scdoc < $< > $@.tmp && mv $@.tmp $@

# --- what a user calls
deps:
	@tools/deps

up: deps
	@$(MAKE) --no-print-directory -s all
	@$(BUILD)/culvert up

demo: deps
	@$(MAKE) --no-print-directory -s all tools
	@tools/demo

check: deps
	@$(MAKE) --no-print-directory -s all tools tests
	@tests/run

check-unit:
	@$(MAKE) --no-print-directory -s unit
	@tests/run unit

# Longer than a check: clang 14, 16 and 19, each on this kernel and Debian's, all tables.
.PHONY: check-kernels packet-tests
check-kernels: deps
	@tools/deps compilers
	@tests/kernels

# Longer than a check: every system call of the lease store's path and of `up`, `port
# add` and `down`, a thousand kills, a thousand guests.  It is about kills, not power:
# the store lies in memory.
soak: deps
	@$(MAKE) --no-print-directory -s all tools
	@TMPDIR=$${TMPDIR:-/dev/shm} LEASE_POINTS=all LEASE_KILLS=1000 CRASH_POINTS=all CHURN_ROUNDS=200 \
		TEST_TIMEOUT=86400 tests/run net/lease_crash net/crash net/crash_xdp net/churn

bench: deps
	@$(MAKE) --no-print-directory -s all tools
	@tools/bench/path

# The figures and plots of docs/performance.md; they stay when the machine is too noisy to judge.
performance: all tools
	@mkdir -p $(BUILD)/performance
	@$(BUILD)/culvert bench path --progress --json $(BUILD)/performance/path.json --svg $(BUILD)/performance
	@cp $(BUILD)/performance/path.json $(BUILD)/performance/*.svg docs/performance
	@tools/bench/publish.py docs/performance.md docs/performance/path.json

unit: $(UNIT)
tools: $(TOOLS)
packet-tests: $(BPFTEST)
tests: $(UNIT) packet-tests $(BUILD)/culvert-asan fuzzers
fuzzers:
	@[ -z "$(HAS_LIBFUZZER)" ] || $(MAKE) --no-print-directory -s $(FUZZ)

install: all install-bench
	install -D -m 755 $(BUILD)/culvert $(DESTDIR)$(PREFIX)/sbin/culvert
	for m in $(MAN); do install -D -m 644 $$m \
		$(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$${m##*/}; done

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/sbin/culvert
	rm -rf $(DESTDIR)$(BENCH_TO)
	for m in $(MAN); do rm -f $(DESTDIR)$(PREFIX)/share/man/man$${m##*.}/$${m##*/}; done

clean:
	rm -rf $(BUILD)

.PHONY: all deps up demo check check-unit fuzz fuzzers soak bench performance unit tools tests install install-bench uninstall clean
.DELETE_ON_ERROR:
