# SPDX-License-Identifier: GPL-2.0-only
# tools/bench: its two eBPF objects as skeletons, and one binary.

BENCH_DIR  = $(BUILD)/bench_obj
BENCH_SRC := $(filter-out %.bpf.c,$(wildcard tools/bench/*.c))
BENCH_OBJ  = $(BENCH_SRC:tools/bench/%.c=$(BENCH_DIR)/%.o)
BENCH_SKEL = $(BENCH_DIR)/sink.skel.h $(BENCH_DIR)/redirect.skel.h

$(BENCH_DIR):
	@mkdir -p $@

$(BENCH_DIR)/%.bpf.o: tools/bench/%.bpf.c tools/bench/wire.h | $(BENCH_DIR)
	@echo "  BPF   $@"
	@$(CLANG) $(BPF_CFLAGS) -c $< -o $@.tmp
	@llvm-strip -g $@.tmp && mv $@.tmp $@

$(BENCH_DIR)/%.skel.h: $(BENCH_DIR)/%.bpf.o
	@$(BPFTOOL) gen skeleton $< name $*_bpf > $@.tmp && mv $@.tmp $@

$(BENCH_DIR)/%.o: tools/bench/%.c $(BENCH_SKEL) | $(BENCH_DIR)
	@echo "  CC    $@"
	@$(CC) $(CFLAGS_ALL) -I$(BENCH_DIR) -MMD -MP -c $< -o $@

$(BUILD)/bench: $(BENCH_OBJ)
	@echo "  LD    $@"
	@$(CC) $(CFLAGS) -o $@ $(BENCH_OBJ) -lbpf -ljansson -lm

# --- where `culvert bench` looks; unit needs the source
BENCH_TO       = $(PREFIX)/libexec/culvert/bench
BENCH_PROGRAMS = $(BUILD)/bench $(BUILD)/dhcp-farm $(BUILD)/pump
BENCH_SUITES  := $(wildcard $(addprefix tools/bench/,path scale dhcp))

install-bench: $(BENCH_PROGRAMS)
	install -D -m 755 -t $(DESTDIR)$(BENCH_TO) $(BENCH_PROGRAMS) $(BENCH_SUITES) $(wildcard tools/bench/*.py)
	install -D -m 644 -t $(DESTDIR)$(BENCH_TO) $(wildcard tools/bench/*.sh)
