/* Window.java - warm-up, then the time in which a rate is measured.
 * SPDX-License-Identifier: Apache-2.0
 */
package peers;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;

/**
 * Who measures calls start; who works adds to done, and looks at over. What happens is told to
 * bench/peers by lines in DIR/events:
 *
 *     steady                      the window begins
 *     window S DONE P50 P99       it lasted S seconds; latencies in microseconds, -1: none
 *     done LINES FAILED           all has been worked off, and the counts are written
 *
 * Where numbers leave at a rate, Pace starts it, and latencies are those of all that were due
 * in the window.
 */
public final class Window {
	/** done counts words or roots that are worked off. */
	public static final LongAdder done = new LongAdder();
	public static final Latency latency = new Latency();
	/** open: times taken now count. */
	public static volatile boolean open;
	/** over: nothing more is to be emitted. */
	public static volatile boolean over;

	private static Path dir;

	private Window() {
	}

	/** start begins the warm-up; DIR is where events and counts go. */
	public static void start(String where, int warmUpSeconds, int seconds) {
		dir = Path.of(where);
		Thread thread = new Thread(() -> measure(warmUpSeconds, seconds), "window");
		thread.setDaemon(true);
		thread.start();
	}

	private static void measure(int warmUpSeconds, int seconds) {
		try {
			Thread.sleep(warmUpSeconds * 1000L);
			event("steady");
			long start = System.nanoTime();
			long before = done.sum();
			open = true;
			Thread.sleep(seconds * 1000L);
			long n = done.sum() - before;
			double took = (System.nanoTime() - start) * 1e-9;
			open = false;
			over = true;
			boolean paced = Pace.total() > 0;
			boolean known = !paced || Pace.kept(n / took);
			event(String.format("window %.6f %d %.1f %.1f", took, n,
				known ? latency.quantile(0.5) : -1, known ? latency.quantile(0.99) : -1));
			if (paced)
				ended(Pace.total(), 0);
		} catch (InterruptedException e) {
			Thread.currentThread().interrupt();
		}
	}

	/** ended writes the counts, if there are any, and says that this was all. */
	public static void ended(long lines, long failed) {
		event("done " + lines + " " + failed);
	}

	/** write keeps the counts of one task. */
	public static void write(String where, String task, Map<String, long[]> counts) {
		StringBuilder text = new StringBuilder();
		counts.forEach((word, n) -> text.append(word).append('\t').append(n[0]).append('\n'));
		try {
			Files.writeString(Path.of(where, "counts." + task), text,
				java.nio.charset.StandardCharsets.ISO_8859_1);
		} catch (IOException e) {
			throw new UncheckedIOException(e);
		}
	}

	private static void event(String line) {
		try {
			Files.writeString(dir.resolve("events"), line + "\n", StandardOpenOption.CREATE,
				StandardOpenOption.APPEND);
		} catch (IOException e) {
			throw new UncheckedIOException(e);
		}
	}
}
