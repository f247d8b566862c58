# SPDX-License-Identifier: GPL-2.0-only
# bench-count, which tools/bench/unit runs in its virtual machines: the packet
# tables' world and the paths of tools/bench/count.  Stands by itself, so that
# it counts another tree's programs, too: make -C TREE -f Makefile -f THIS …

COUNT_DIR := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))/count
COUNT_SRC := $(wildcard $(COUNT_DIR)/*.c)
COUNT_WORLD := $(wildcard $(patsubst %,tests/bpf/%.c,world load state packet table dhcp))
COUNT_OBJ  = $(COUNT_WORLD:tests/bpf/%.c=$(BUILD)/bpftest/%.o) \
	     $(filter-out $(BUILD)/user/network%,$(filter $(patsubst %,$(BUILD)/user/%.o,datapath% net% log paths mem addr),$(OBJ)))

# An archive, as what is not needed would bring its libraries into the guest.
$(BUILD)/bench_count.a: $(COUNT_OBJ)
	@rm -f $@ && $(AR) rc $@ $^

$(BUILD)/bench-count: $(COUNT_SRC) $(COUNT_DIR)/count.h $(BUILD)/bench_count.a
	@echo "  CC    $@"
	@$(CC) $(CFLAGS_ALL) -Itests/bpf -o $@ $(COUNT_SRC) $(BUILD)/bench_count.a -Wl,--as-needed $(PKG_LIBS)

TOOLS += $(BUILD)/bench-count
