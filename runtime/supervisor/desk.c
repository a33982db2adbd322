/* desk.c - see desk.h. SPDX-License-Identifier: Apache-2.0 */
#include "desk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "buf.h"
#include "statedir.h"

int desk_open(struct desk *d, const char *state_dir, const struct desk_ops *ops, void *arg, struct error *e)
{
	struct sockaddr_un address;

	*d = (struct desk){ .dir = -1, .listener = -1, .ops = ops, .arg = arg };
	for (int i = 0; i < DESK_CLIENTS; i++)
		d->clients[i].fd = -1;
	d->dir = open(state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (d->dir < 0)
		return error_errno(e, "can't open %s", state_dir);
	statedir_control(d->dir, &address);
	unlinkat(d->dir, STATEDIR_CONTROL, 0);	/* what a killed one has left */
	d->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (d->listener >= 0 && bind(d->listener, (struct sockaddr *)&address, sizeof address) == 0 &&
	    listen(d->listener, 64) == 0)
		return 0;
	error_errno(e, "no command can reach this run, nobody can look at its state: no socket can be made in %s",
	    state_dir);
	if (d->listener >= 0)
		close(d->listener);
	d->listener = -1;
	return -1;
}

void desk_show_out(struct desk *d, struct desk_client *client)
{
	if (client->fd < 0)
		return;
	close(client->fd);
	client->fd = -1;
	d->ops->gone(d->arg, client);
	client->request = NULL;
}

int desk_hand_over(struct desk_client *client)
{
	int fd = client->fd;

	*client = (struct desk_client){ .fd = -1 };
	return fd;
}

void desk_close(struct desk *d)
{
	for (int i = 0; i < DESK_CLIENTS && d->ops != NULL; i++)
		desk_show_out(d, &d->clients[i]);
	if (d->listener >= 0) {
		close(d->listener);
		unlinkat(d->dir, STATEDIR_CONTROL, 0);
	}
	if (d->dir >= 0)
		close(d->dir);
	d->dir = d->listener = -1;
}

bool desk_offer(struct desk_client *client, const char *text, size_t n)
{
	return client->fd >= 0 && send(client->fd, text, n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)n;
}

bool desk_say(struct desk *d, struct desk_client *client, const char *format, ...)
{
	char text[4096];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (n >= (int)sizeof text)
		n = (int)sizeof text - 1;
	if (desk_offer(client, text, (size_t)n))
		return true;
	desk_show_out(d, client);
	return false;
}

/* is_idle: nobody is there, or somebody who wants nothing and leaves when others come. */
static bool is_idle(const struct desk_client *client)
{
	return client->fd < 0 || client->request == NULL;
}

void desk_fill_polls(const struct desk *d, struct pollfd *p)
{
	bool room = false;

	for (int i = 0; i < DESK_CLIENTS; i++) {
		room |= is_idle(&d->clients[i]);
		p[1 + i] = (struct pollfd){ .fd = d->clients[i].fd, .events = POLLIN };
	}
	p[0] = (struct pollfd){ .fd = room ? d->listener : -1, .events = POLLIN };
}

/* place gives where a client can be: where nobody is, else where the one is who has said nothing for the
 * longest time; NULL: all want something. */
static struct desk_client *place(struct desk *d)
{
	struct desk_client *best = NULL;

	for (struct desk_client *c = d->clients; c < d->clients + DESK_CLIENTS; c++) {
		if (c->fd < 0)
			return c;
		if (c->request == NULL && (best == NULL || c->number < best->number))
			best = c;
	}
	return best;
}

static void let_in(struct desk *d)
{
	int fd = accept4(d->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct desk_client *client = fd >= 0 ? place(d) : NULL;

	if (client == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	desk_show_out(d, client);
	*client = (struct desk_client){ .fd = fd, .number = ++d->n_clients };
}

static void hear(struct desk *d, struct desk_client *client)
{
	static char text[DESK_TEXT_MAX];
	ssize_t n = recv(client->fd, text, sizeof text - 1, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		desk_show_out(d, client);
		return;
	}
	text[n] = '\0';
	d->ops->said(d->arg, client, text);
}

void desk_serve(struct desk *d, const struct pollfd *p)
{
	for (int i = 0; i < DESK_CLIENTS; i++)
		if (p[1 + i].revents && d->clients[i].fd == p[1 + i].fd)
			hear(d, &d->clients[i]);
	if (p[0].revents)
		let_in(d);
}
