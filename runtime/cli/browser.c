/* browser.c - see browser.h. SPDX-License-Identifier: Apache-2.0 */
#include "browser.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command.h"

/* run_xdg_open: the browser is nobody's child, and knows nothing of our signals. The token does not go
 * with it: everybody can read the arguments of a process. The page asks for it. */
static void run_xdg_open(const char *url)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	switch (fork()) {
	case 0:
		execlp("xdg-open", "xdg-open", url, (char *)NULL);
		command_say("cannot run xdg-open: apt-get install xdg-utils, or open %s yourself", url);
		_exit(EXIT_FAILED);
	default:
		_exit(EXIT_DONE);
	}
}

void browser_open(const char *url)
{
	pid_t pid;

	if (strncmp(url, "unix:", 5) == 0) {
		command_say("a browser can't open a socket: use --listen HOST:PORT with --open");
		return;
	}
	pid = fork();
	if (pid == 0)
		run_xdg_open(url);
	if (pid > 0)
		waitpid(pid, NULL, 0);
}
