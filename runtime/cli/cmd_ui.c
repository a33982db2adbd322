/* cmd_ui.c - gale ui: the page, REST and /metrics of all topologies, until a signal ends it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "browser.h"
#include "command.h"
#include "web.h"

/* take_signals gives a descriptor that tells of those that end us. */
static int take_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static int serve(struct web *w, int signal_fd)
{
	struct pollfd polls[] = { { .fd = signal_fd, .events = POLLIN }, { .fd = web_fd(w), .events = POLLIN } };

	for (;;) {
		if (poll(polls, 2, web_timeout_ms(w)) < 0 && errno != EINTR) {
			command_say("poll: %s", strerror(errno));
			return EXIT_FAILED;
		}
		if (polls[0].revents != 0)
			return EXIT_DONE;
		web_serve(w);
	}
}

int cmd_ui(const struct command_line *line)
{
	const char *listen = command_value(line, "listen");
	struct web_options options = { .listen = listen != NULL ? listen : WEB_LISTEN };
	int signal_fd = take_signals(), code;
	struct error e;
	char *greeting;
	struct web *w;

	if (web_check(options.listen, &e) != 0) {
		command_say("--listen: %s", e.text);
		return EXIT_USAGE;
	}
	w = signal_fd >= 0 ? web_open(&options, &e) : NULL;
	if (w == NULL) {
		command_say("%s", signal_fd >= 0 ? e.text : "cannot watch for signals");
		return EXIT_FAILED;
	}
	greeting = web_greeting(w);
	command_say("%s", greeting);
	free(greeting);
	if (command_has(line, "open"))
		browser_open(web_url(w));
	code = serve(w, signal_fd);
	web_close(w);
	close(signal_fd);
	return code;
}
