/* uistart.c - see uistart.h. SPDX-License-Identifier: Apache-2.0 */
#include "uistart.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command.h"

static bool is_socket(const char *url)
{
	return strncmp(url, "unix:", 5) == 0;
}

void uistart_tell(const struct web *w)
{
	const char *url = web_url(w);

	if (is_socket(url))
		command_say("listening on %s: curl --unix-socket %s http://localhost/api/v1/topology/summary", url, url + 5);
	else
		command_say("the page is at %s#token=%s", url, web_token(w));
}

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

void uistart_open(const struct web *w)
{
	const char *url = web_url(w);
	pid_t pid;

	if (is_socket(url)) {
		command_say("a browser can't open a socket: use --listen HOST:PORT with --open");
		return;
	}
	pid = fork();
	if (pid == 0)
		run_xdg_open(url);
	if (pid > 0)
		waitpid(pid, NULL, 0);
}
