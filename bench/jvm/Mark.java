/* Mark.java - words that carry the time at which their line was emitted.
 * SPDX-License-Identifier: Apache-2.0
 */
package peers;

/**
 * Where an engine says nothing of when a line is done, one line in 1000 ends in a mark, which
 * goes its way behind the line's words and is counted as a latency, not as a word.
 */
public final class Mark {
	private static final int EVERY = 1000;
	private static final char SIGN = '\u0001';	// no word of the text begins so

	private Mark() {
	}

	/** mark gives line number N as it is to be emitted. */
	public static String mark(String line, long n) {
		return n % EVERY == 0 ? line + ' ' + SIGN + System.nanoTime() : line;
	}

	/** taken says whether WORD was a mark. */
	public static boolean taken(String word) {
		if (word.charAt(0) != SIGN)
			return false;
		if (Window.open)
			Window.latency.add(System.nanoTime() - Long.parseLong(word, 1, word.length(), 10));
		return true;
	}
}
