/* JetCount.java - the word count on Hazelcast Jet, embedded.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     java peers.JetCount TEXT DIR WARM-UP SECONDS GUARANTEE
 *
 * When the window is over, the source sends each word of the text once more, with a sign in
 * front; it goes the word's way, behind all that was emitted, and gives its count.
 */
package peers;

import com.hazelcast.config.Config;
import com.hazelcast.core.Hazelcast;
import com.hazelcast.jet.accumulator.LongAccumulator;
import com.hazelcast.jet.config.JobConfig;
import com.hazelcast.jet.config.ProcessingGuarantee;
import com.hazelcast.jet.pipeline.Pipeline;
import com.hazelcast.jet.pipeline.Sinks;
import com.hazelcast.jet.pipeline.SourceBuilder;
import com.hazelcast.jet.pipeline.StreamSource;
import java.util.ArrayDeque;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;

public final class JetCount {
	private static final char ASK = '\u0002';	// no word of the text begins so
	private static final int MANY = 256;
	private static final int THREADS = Integer.getInteger("threads", 2);
	private static final int PARALLELISM = Integer.getInteger("parallelism", 1);
	private static final Map<String, long[]> counts = new ConcurrentHashMap<>();
	private static volatile int distinct;
	private static volatile long emitted;

	private JetCount() {
	}

	public static void main(String[] args) throws Exception {
		String text = args[0];
		String dir = args[1];
		StreamSource<String> source = SourceBuilder.stream("lines", context -> new Lines(text))
			.<String>fillBufferFn(Lines::fill)
			.createSnapshotFn(lines -> lines.n)
			.restoreSnapshotFn((lines, saved) -> lines.n = saved.get(0))
			.build();
		Pipeline pipeline = Pipeline.create();
		pipeline.readFrom(source).withoutTimestamps().setLocalParallelism(1)
			.flatMap(line -> new Text.Words(line)::next).setLocalParallelism(1)
			.groupingKey(JetCount::key)
			.mapStateful(LongAccumulator::new, (count, key, word) -> count(dir, count, key, word))
			.setLocalParallelism(PARALLELISM)
			.writeTo(Sinks.noop());
		Hazelcast.newHazelcastInstance(config()).getJet().newJob(pipeline, new JobConfig()
			.setProcessingGuarantee(args[4].equals("exactly-once") ? ProcessingGuarantee.EXACTLY_ONCE
				: ProcessingGuarantee.AT_LEAST_ONCE)
			.setSnapshotIntervalMillis(1000));
		Window.start(dir, Integer.parseInt(args[2]), Integer.parseInt(args[3]));
		Thread.currentThread().join();
	}

	/** One member alone, on the loopback. */
	static Config config() {
		Config config = new Config();
		config.setProperty("hazelcast.phone.home.enabled", "false");
		config.setProperty("hazelcast.socket.bind.any", "false");
		config.getNetworkConfig().getInterfaces().setEnabled(true).addInterface("127.0.0.1");
		config.getNetworkConfig().getJoin().getAutoDetectionConfig().setEnabled(false);
		config.getNetworkConfig().getJoin().getMulticastConfig().setEnabled(false);
		config.getJetConfig().setEnabled(true).setCooperativeThreadCount(THREADS);
		return config;
	}

	private static String key(String word) {
		return word.charAt(0) == ASK ? word.substring(1) : word;
	}

	/** count is called for each word, in the thread that its key belongs to. */
	private static Object count(String dir, LongAccumulator count, String key, String word) {
		if (word.charAt(0) == ASK) {
			counts.put(key, new long[] {count.get()});
			if (counts.size() == distinct) {
				Window.write(dir, "all", counts);
				Window.ended(emitted, 0);
			}
		} else if (!Mark.taken(word)) {
			count.add(1);
			if (count.get() % MANY == 0)
				Window.done.add(MANY);
		}
		return null;
	}

	/** The lines of the text, over and over. */
	private static final class Lines {
		private static final int BURST = 128;
		private final String[] lines;
		private final Set<String> words = new TreeSet<>();
		private final ArrayDeque<String> asked = new ArrayDeque<>();
		private long n;

		Lines(String text) {
			lines = Text.lines(text);
			for (String line : lines)
				Text.split(line, words::add);
			distinct = words.size();
		}

		void fill(SourceBuilder.SourceBuffer<String> out) {
			if (Window.over) {
				ask(out);
				return;
			}
			for (int i = 0; i < BURST; i++, n++)
				out.add(Mark.mark(lines[(int) (n % lines.length)], n));
		}

		private void ask(SourceBuilder.SourceBuffer<String> out) {
			if (emitted == 0) {
				emitted = n;
				asked.addAll(words);
			}
			for (int i = 0; i < BURST && !asked.isEmpty(); i++)
				out.add(ASK + asked.poll());
		}
	}
}
