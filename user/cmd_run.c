// SPDX-License-Identifier: GPL-2.0-only
/*
 * culvert run: a TAP in the network's namespace, its descriptors in a program
 * outside of it.  The program is a child, so that the port goes when it ends;
 * should we be killed first, the TAP goes with the descriptors and the next
 * command removes the rest.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "addr.h"
#include "cli.h"
#include "cmd.h"
#include "guest_argv.h"
#include "log.h"
#include "mem.h"
#include "network.h"
#include "tables.h"
#include "tap.h"

static pid_t child;

static void forward_signal(int number)
{
	if (child > 0)
		kill(child, number);
}

/* A terminal sends SIGINT and SIGQUIT to the child itself; who sends us others means it. */
static struct {
	int number;
	void (*handler)(int number);
	struct sigaction before;
} signals[] = {
	{ .number = SIGINT, .handler = SIG_IGN },
	{ .number = SIGQUIT, .handler = SIG_IGN },
	{ .number = SIGTERM, .handler = forward_signal },
	{ .number = SIGHUP, .handler = forward_signal },
	{ .number = SIGUSR1, .handler = forward_signal },
	{ .number = SIGUSR2, .handler = forward_signal },
};

static void set_signals(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		const struct sigaction sa = { .sa_handler = signals[i].handler,
					      .sa_flags = SA_RESTART };

		sigaction(signals[i].number, &sa, &signals[i].before);
	}
}

static void restore_signals(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i].number, &signals[i].before, NULL);
}

static void exec_guest(char **argv, const struct guest_tap *tap, const sigset_t *mask)
{
	for (unsigned int i = 0; i < tap->n_fds; i++)
		if (fcntl(tap->fds[i], F_SETFD, 0))
			_exit(126);
	restore_signals();
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	log_error("cannot run '%s': %s", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return CLI_FAILED;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Signals wait until there is a child that they can be handed to. */
static int run_guest(char **argv, const struct guest_tap *tap)
{
	sigset_t all, before;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	set_signals();
	child = fork();
	if (!child)
		exec_guest(argv, tap, &before);
	sigprocmask(SIG_SETMASK, &before, NULL);
	for (unsigned int i = 0; i < tap->n_fds; i++)
		close(tap->fds[i]);
	if (child < 0) {
		log_ret(-errno, "cannot start '%s'", argv[0]);
		return CLI_FAILED;
	}
	return wait_for(child);
}

/* The MAC that the port got: of the command line, the configuration, or its name. */
static int read_mac(const char *net, const char *name, char mac[ADDR_MAC_SIZE])
{
	_tables_ struct tables *t = NULL;
	struct cv_network n;
	struct cv_port p;
	__u16 id;
	int err = cmd_open_network(net, &t, &id, &n);

	if (err)
		return err;
	err = tables_port_find(t, id, name, NULL, &p);
	if (err)
		return log_ret(err, "port '%s'", name);
	addr_format_mac(p.mac, mac);
	return 0;
}

static bool has_vhost(void)
{
	_fd_ int fd = open("/dev/vhost-net", O_RDWR | O_CLOEXEC);

	return fd >= 0;
}

static int run_on_port(const char *net, const char *name, const int *fds, unsigned int n_fds,
		       int argc, char **argv)
{
	char mac[ADDR_MAC_SIZE], **guest;
	const struct guest_tap tap = { fds, n_fds, mac, has_vhost() };
	int err, code;

	if (read_mac(net, name, mac))
		return CLI_FAILED;
	err = guest_argv(argc, argv, &tap, &guest);
	if (err) {
		log_ret(err, "cannot make the command line of '%s'", argv[0]);
		return CLI_FAILED;
	}
	code = run_guest(guest, &tap);
	guest_argv_free(guest);
	return code;
}

/* Of the guest that is started, so none names it. */
static int read_forwards(const struct cli_list *specs, const char *guest, struct forward *ret)
{
	const char *problem;

	for (unsigned int i = 0; i < specs->n; i++) {
		if (!forward_parse(specs->values[i], guest, &ret[i], &problem))
			continue;
		log_error("'%s': %s", specs->values[i], problem);
		return CLI_USAGE;
	}
	return CLI_OK;
}

static int run(const char *net, struct network_port_spec *spec, const struct cli_list *published,
	       int argc, char **argv)
{
	struct forward forwards[CLI_LIST_MAX];
	char own_name[CV_NAME_SIZE];
	int fds[TAP_MAX_QUEUES], code;

	if (!spec->name) {
		snprintf(own_name, sizeof(own_name), "vm-%d", getpid());
		spec->name = own_name;
	}
	code = read_forwards(published, spec->name, forwards);
	if (code)
		return code;
	spec->forwards = forwards;
	spec->n_forwards = published->n;
	if (network_port_add(net, spec, fds))
		return CLI_FAILED;
	cmd_warn_open(forwards, published->n);
	code = run_on_port(net, spec->name, fds, spec->queues, argc, argv);
	return network_port_forget(net, spec->name) ? (code ? code : CLI_FAILED) : code;
}

/* Told before anything is made. */
static bool takes_tap(int argc, char **argv)
{
	const struct guest_tap probe = { (const int[]){ 3 }, 1, "", false };
	char **guest;

	if (guest_argv(argc, argv, &probe, &guest))
		return false;
	guest_argv_free(guest);
	return true;
}

int cmd_run(int argc, char **argv)
{
	struct network_port_spec spec = { .queues = 1 };
	struct cli_list published = { 0 };
	const char *net = "default";
	const struct cli_option options[] = {
		{ 'n', "net", CLI_STRING, &net, "NET", "the network (default)" },
		{ 0, "name", CLI_STRING, &spec.name, "VM", "of the guest (vm-PID)" },
		{ 0, "mac", CLI_STRING, &spec.mac, "MAC", "of the guest (made from the names)" },
		{ 0, "ip", CLI_STRING, &spec.ip, "IP", "the guest's address, also as .10 (by DHCP)" },
		{ 0, "queues", CLI_UINT, &spec.queues, "N", "of the TAP (1)" },
		{ 'p', "publish", CLI_LIST, &published, "SPEC", "open ADDR:PORT:GUESTPORT while it runs" },
		{ 0 }
	};
	int operands, exit_code;

	operands = cli_parse(argc, argv, "run [-n NET] [OPTION]... -- COMMAND...",
			     "Run a virtual machine on a network: {fd}, {fds} and {mac} in COMMAND are replaced by the descriptors of its TAP and its MAC; a qemu command without them gets its -netdev and -device.",
			     options, 1, argc, NULL, &exit_code);
	if (operands < 0)
		return exit_code;
	if (!takes_tap(operands, argv)) {
		log_error("'%s' is no qemu, so say with {fd} where the TAP's descriptor goes", argv[0]);
		return CLI_USAGE;
	}
	return run(net, &spec, &published, operands, argv);
}
