/* address.c - see address.h. SPDX-License-Identifier: Apache-2.0 */
#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "memory.h"

enum { BACKLOG = 1024, SOCKET_TYPE = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC };

int address_parse(struct address *a, const char *text, struct error *e)
{
	static const char unix_scheme[] = "unix:", forms[] = "127.0.0.1:8080, [::1]:8080, HOST:PORT or unix:PATH";
	bool bracket = text[0] == '[';
	const char *colon = strrchr(text, ':');
	size_t n = colon != NULL ? (size_t)(colon - text) : 0;
	char *end;
	long port;

	*a = (struct address){ 0 };
	if (strncmp(text, unix_scheme, sizeof unix_scheme - 1) == 0) {
		a->path = text + sizeof unix_scheme - 1;
		if (a->path[0] == '\0' || strlen(a->path) >= sizeof ((struct sockaddr_un *)0)->sun_path)
			return error_set(e, "the path of a socket has 1 to 107 bytes: %s", text);
		return 0;
	}
	if (n <= 2 * (size_t)bracket || n >= GUARD_HOST_MAX || (bracket && text[n - 1] != ']') ||
	    (!bracket && memchr(text, ':', n) != NULL))
		return error_set(e, "\"%s\" is nothing to listen on: it is %s", text, forms);
	memcpy(a->host, text + bracket, n - 2 * (size_t)bracket);
	errno = 0;
	port = strtol(colon + 1, &end, 10);
	if (colon[1] < '0' || colon[1] > '9' || *end != '\0' || errno != 0 || port > UINT16_MAX)
		return error_set(e, "\"%s\" has no port from 0 to 65535: it is %s", text, forms);
	a->port = (uint16_t)port;
	return 0;
}

/* ---- TCP --------------------------------------------------------------------------- */

static bool is_loopback(const struct sockaddr *sa)
{
	const struct sockaddr_in6 *six = (const void *)sa;
	const struct sockaddr_in *four = (const void *)sa;

	if (sa->sa_family == AF_INET)
		return ntohl(four->sin_addr.s_addr) >> 24 == 127;
	return sa->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage sa;
	socklen_t n = sizeof sa;

	if (getsockname(fd, (struct sockaddr *)&sa, &n) != 0)
		return 0;
	return ntohs(sa.ss_family == AF_INET ? ((struct sockaddr_in *)&sa)->sin_port : ((struct sockaddr_in6 *)&sa)->sin6_port);
}

static int say_why(const struct address *a, struct error *e)
{
	if (errno == EADDRINUSE)
		return error_set(e, "cannot listen on %s:%u: another program does; stop it, or give another address "
		    "with --listen (port 0: any that is free)", a->host, a->port);
	if (errno == EACCES)
		return error_set(e, "cannot listen on port %u: ports below 1024 are root's; give another one with "
		    "--listen", a->port);
	if (errno == EADDRNOTAVAIL)
		return error_set(e, "cannot listen on %s: this machine has no such address", a->host);
	return error_errno(e, "cannot listen on %s:%u", a->host, a->port);
}

static int listen_on(struct address *a, const struct addrinfo *info, struct error *e)
{
	int fd = socket(info->ai_family, SOCKET_TYPE, 0), yes = 1;

	if (fd < 0)
		return say_why(a, e);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	if (bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
		say_why(a, e);
		close(fd);
		return -1;
	}
	a->reach = is_loopback(info->ai_addr) ? GUARD_LOOPBACK : GUARD_OPEN;
	a->port = port_of(fd);
	return fd;
}

/* "localhost" is 127.0.0.1, whatever stands first in /etc/hosts: who has no IPv6 comes there too. */
static int listen_tcp(struct address *a, struct error *e)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV }, *info;
	const char *host = strcmp(a->host, "localhost") == 0 ? "127.0.0.1" : a->host;
	char *port = xasprintf("%u", a->port);
	int rc = getaddrinfo(host, port, &hints, &info), fd;

	free(port);
	if (rc != 0)
		return error_set(e, "cannot listen on %s: %s", a->host, gai_strerror(rc));
	fd = listen_on(a, info, e);
	freeaddrinfo(info);
	return fd;
}

/* ---- a socket in the file system --------------------------------------------------- */

/* is_left: there is a socket at SA, and nobody listens on it any more. Any other file refuses
 * connections, too. */
static bool is_left(const struct sockaddr_un *sa)
{
	struct stat st;
	bool there = lstat(sa->sun_path, &st) == 0 && S_ISSOCK(st.st_mode);
	int fd = there ? socket(AF_UNIX, SOCKET_TYPE, 0) : -1;
	bool left = fd >= 0 && connect(fd, (const struct sockaddr *)sa, sizeof *sa) != 0 && errno == ECONNREFUSED;

	if (fd >= 0)
		close(fd);
	return left;
}

/* bind_private: the socket is made with mode 0600, not given it later. */
static int bind_private(int fd, const struct sockaddr_un *sa)
{
	mode_t mask = umask(S_IXUSR | S_IRWXG | S_IRWXO);
	int rc = bind(fd, (const struct sockaddr *)sa, sizeof *sa);

	umask(mask);
	return rc;
}

static int listen_unix(struct address *a, struct error *e)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCKET_TYPE, 0), rc;

	memcpy(sa.sun_path, a->path, strlen(a->path));
	rc = fd >= 0 ? bind_private(fd, &sa) : -1;
	if (rc != 0 && fd >= 0 && errno == EADDRINUSE) {
		if (is_left(&sa))
			unlink(a->path);
		rc = bind_private(fd, &sa);
	}
	if (rc == 0 && listen(fd, BACKLOG) == 0) {
		a->reach = GUARD_UNIX;
		return fd;
	}
	if (errno == EADDRINUSE)
		error_set(e, "cannot listen on unix:%s: another program does, or it is no socket", a->path);
	else
		error_errno(e, "cannot listen on unix:%s", a->path);
	if (fd >= 0)
		close(fd);
	return -1;
}

int address_listen(struct address *a, struct error *e)
{
	return a->path != NULL ? listen_unix(a, e) : listen_tcp(a, e);
}

char *address_url(const struct address *a, const char *machine)
{
	bool any = strcmp(a->host, "0.0.0.0") == 0 || strcmp(a->host, "::") == 0;
	const char *host = any ? machine : a->host;

	if (a->path != NULL)
		return xasprintf("unix:%s", a->path);
	return strchr(host, ':') != NULL ? xasprintf("http://[%s]:%u/", host, a->port)
	    : xasprintf("http://%s:%u/", host, a->port);
}
