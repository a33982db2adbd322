/* topterm.c - see topterm.h. SPDX-License-Identifier: Apache-2.0
 *
 * ncurses has handlers of its own for SIGINT, SIGTERM and SIGWINCH, which do in a handler what is
 * not safe there. They never run: these signals are blocked, and read from a signalfd. */
#include "topterm.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "clock.h"
#include "topstate.h"

#include <curses.h>
#include <term.h>
#undef lines	/* one of hundreds of words that it defines */

enum { ESCAPE_MS = 25, RESTORE_BYTES = 256 };

static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
static const int crashes[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
enum { N_ENDS = sizeof ends / sizeof *ends, N_CRASHES = sizeof crashes / sizeof *crashes };

static struct {
	SCREEN *screen;		/* NULL: the terminal is not taken */
	int signals;
	sigset_t mask;		/* as it was */
	struct termios mode;	/* as it was */
	char restore[RESTORE_BYTES];	/* what puts the terminal back */
	size_t n_restore;
	bool colours;
} terminal;

/* ---- putting it back --------------------------------------------------------------- */

static void add_restore(const char *capability)
{
	const char *s = tigetstr(capability);
	size_t n = s != NULL && s != (char *)-1 ? strlen(s) : 0;

	if (n == 0 || terminal.n_restore + n > sizeof terminal.restore)
		return;
	memcpy(terminal.restore + terminal.n_restore, s, n);
	terminal.n_restore += n;
}

/* on_crash uses only what is safe in a handler. The signal comes again, and ends the process. */
static void on_crash(int number)
{
	ssize_t written = write(STDOUT_FILENO, terminal.restore, terminal.n_restore);

	(void)written;
	tcsetattr(STDIN_FILENO, TCSANOW, &terminal.mode);
	raise(number);
}

static void catch_crashes(void)
{
	struct sigaction action = { .sa_handler = on_crash, .sa_flags = (int)SA_RESETHAND };

	add_restore("sgr0");
	add_restore("cnorm");
	add_restore("rmkx");
	add_restore("rmcup");
	for (int i = 0; i < N_CRASHES; i++)
		sigaction(crashes[i], &action, NULL);
}

static void catch_ends(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (int i = 0; i < N_ENDS; i++)
		sigaddset(&set, ends[i]);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, &terminal.mask);
	terminal.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

void topterm_close(void)
{
	if (terminal.screen == NULL)
		return;
	move(LINES - 1, 0);	/* where the shell goes on, if there is no other screen to go back to */
	clrtoeol();
	refresh();
	endwin();
	delscreen(terminal.screen);
	terminal.screen = NULL;
	for (int i = 0; i < N_CRASHES; i++)
		signal(crashes[i], SIG_DFL);
	close(terminal.signals);
	sigprocmask(SIG_SETMASK, &terminal.mask, NULL);
}

/* ---- taking it --------------------------------------------------------------------- */

/* Keys as terminals send them, whatever TERM says: an "Esc" in front of the rest would go back. */
static void know_keys(void)
{
	static const struct {
		const char *sent;
		int key;
	} keys[] = {
		{ "\033[A", KEY_UP }, { "\033OA", KEY_UP }, { "\033[B", KEY_DOWN }, { "\033OB", KEY_DOWN },
		{ "\033[5~", KEY_PPAGE }, { "\033[6~", KEY_NPAGE },
		{ "\033[H", KEY_HOME }, { "\033OH", KEY_HOME }, { "\033[1~", KEY_HOME },
		{ "\033[F", KEY_END }, { "\033OF", KEY_END }, { "\033[4~", KEY_END },
		{ "\033[C", KEY_RIGHT }, { "\033OC", KEY_RIGHT }, { "\033[D", KEY_LEFT }, { "\033OD", KEY_LEFT },
	};

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (key_defined(keys[i].sent) == 0)
			define_key(keys[i].sent, keys[i].key);
}

static void set_colours(void)
{
	const char *none = getenv("NO_COLOR");

	terminal.colours = (none == NULL || none[0] == '\0') && has_colors() && start_color() == OK &&
	    use_default_colors() == OK;
	if (!terminal.colours)
		return;
	init_pair(STYLE_GOOD, COLOR_GREEN, -1);
	init_pair(STYLE_WARN, COLOR_YELLOW, -1);
	init_pair(STYLE_BAD, COLOR_RED, -1);
}

/* follow_size: the kernel knows best; where it does not, ncurses guesses. */
static void follow_size(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0)
		resizeterm(size.ws_row, size.ws_col);
}

static int check(struct error *e)
{
	const char *name = getenv("TERM");

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &terminal.mode) != 0)
		return error_set(e, "standard input and output are no terminal; for scripts there is gale top --batch");
	if (name == NULL || name[0] == '\0')
		return error_set(e, "TERM is not set, so the terminal is not known; set it, or use gale top --batch");
	return 0;
}

/* can_be_used looks TERM up before newterm does, which leaks when that fails. */
static int can_be_used(struct error *e)
{
	const char *name = getenv("TERM"), *cup;
	int why;

	if (setupterm(NULL, STDOUT_FILENO, &why) != OK)
		return error_set(e, "there is no terminal \"%s\" in terminfo; set TERM, or use gale top --batch", name);
	cup = tigetstr("cup");
	del_curterm(cur_term);
	if (cup == NULL || cup == (char *)-1)
		return error_set(e, "the terminal \"%s\" can't move its cursor; use gale top --batch", name);
	return 0;
}

int topterm_open(struct error *e)
{
	if (check(e) != 0 || can_be_used(e) != 0)
		return -1;
	terminal.screen = newterm(NULL, stdout, stdin);
	if (terminal.screen == NULL)
		return error_set(e, "cannot use this terminal; for scripts there is gale top --batch");
	catch_ends();
	atexit(topterm_close);
	catch_crashes();
	set_escdelay(ESCAPE_MS);
	cbreak();
	noecho();
	nonl();
	intrflush(stdscr, FALSE);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
	know_keys();
	set_colours();
	follow_size();
	return 0;
}

/* ---- what it shows ----------------------------------------------------------------- */

void topterm_size(uint32_t *width, uint32_t *height)
{
	*width = COLS > 0 ? (uint32_t)COLS : 1;
	*height = LINES > 0 ? (uint32_t)LINES : 1;
}

static attr_t look_of(enum topstyle style, bool selected)
{
	static const attr_t looks[N_STYLES] = {
		[STYLE_STRONG] = A_BOLD, [STYLE_HEADS] = A_REVERSE, [STYLE_WARN] = A_BOLD, [STYLE_BAD] = A_BOLD,
	};
	attr_t look = looks[style] | (selected ? A_REVERSE : A_NORMAL);

	if (terminal.colours && !selected && (style == STYLE_GOOD || style == STYLE_WARN || style == STYLE_BAD))
		look |= (attr_t)COLOR_PAIR(style);
	return look;
}

void topterm_draw(const struct topscreen *s)
{
	erase();
	for (size_t i = 0; i < s->n && (int)i < LINES; i++) {
		move((int)i, 0);
		for (size_t k = 0; k < s->lines[i].n; k++) {
			attrset((int)look_of(s->lines[i].spans[k].style, s->lines[i].selected));
			addstr(s->lines[i].spans[k].text);
		}
	}
	refresh();
}

/* ---- what comes from it ------------------------------------------------------------ */

static int known(int key)
{
	static const struct {
		int curses, ours;
	} keys[] = {
		{ KEY_UP, TOPKEY_UP }, { KEY_DOWN, TOPKEY_DOWN }, { KEY_PPAGE, TOPKEY_PAGE_UP },
		{ KEY_NPAGE, TOPKEY_PAGE_DOWN }, { KEY_HOME, TOPKEY_HOME }, { KEY_END, TOPKEY_END },
		{ KEY_ENTER, TOPKEY_ENTER }, { '\r', TOPKEY_ENTER }, { '\n', TOPKEY_ENTER },
		{ '\033', TOPKEY_ESCAPE },
	};

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (keys[i].curses == key)
			return keys[i].ours;
	return key < KEY_MIN ? key : 0;
}

/* signalled takes one signal; 0: there is none. */
static int signalled(void)
{
	struct signalfd_siginfo info;

	return read(terminal.signals, &info, sizeof info) == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

static int ms_until(uint64_t until_ns)
{
	uint64_t now = clock_now_ns();

	return until_ns <= now ? 0 : (int)((until_ns - now + NS_PER_MS - 1) / NS_PER_MS);
}

enum topevent topterm_wait(uint64_t until_ns, int *value)
{
	struct pollfd p[] = { { .fd = terminal.signals, .events = POLLIN }, { .fd = STDIN_FILENO, .events = POLLIN } };
	int key = getch();	/* ncurses may have some already */

	while (key == ERR) {
		int n = poll(p, 2, ms_until(until_ns));

		*value = n > 0 && p[0].revents != 0 ? signalled() : 0;
		if (*value == SIGWINCH) {
			follow_size();
			return TOPTERM_RESIZED;
		}
		if (*value != 0)
			return TOPTERM_SIGNAL;
		if (n > 0 && (p[1].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
			return TOPTERM_GONE;
		if (n == 0)
			return TOPTERM_TIME;
		key = n > 0 ? getch() : ERR;
	}
	*value = known(key);
	return TOPTERM_KEY;
}
